/** The wire models, by their short names. `schema.d.ts` is generated from the OpenAPI document: never edit it. */
import type { components } from "./schema";

type Schemas = components["schemas"];

/** Answers carry every field, also those that a request may leave out. */
type Complete<T> = T extends readonly [unknown, ...unknown[]]
  ? T
  : T extends (infer Item)[]
    ? Complete<Item>[]
    : T extends object
      ? { [Key in keyof T]-?: Complete<Exclude<T[Key], undefined>> }
      : T;
type Answer<Name extends keyof Schemas> = Complete<Schemas[Name]>;

export type Worker = Answer<"WorkerView">;
export type Session = Answer<"SessionView">;
export type Definition = Answer<"DefinitionView">;
export type Template = Answer<"TemplateView">;
export type LabRecord = Answer<"LabRecordView">;
export type Task = Answer<"TaskView">;
export type Controller = Answer<"ControllerView">;
export type AuditEntry = Answer<"AuditEntryView">;
export type Metrics = Answer<"WorkerMetrics">;
export type Condition = Answer<"Condition">;
export type Problem = Answer<"Problem">;
export type ScoreReport = Answer<"ScoreReportView">;
export type User = Answer<"UserView">;
export type Claim = Answer<"ClaimView">;
export type BulkResult = Answer<"BulkResult">;
export type Artifact = Answer<"ArtifactView">;
export type Drawing = Answer<"Drawing">;
export type Settings = Answer<"SettingsView">;
export type DynamicSettings = Answer<"DynamicSettings">;
export type Quota = Answer<"QuotaView">;
export type QuotaUse = Answer<"QuotaUse">;
export type Job = Answer<"JobView">;
export type JobRun = Answer<"JobRunView">;
export type Calendar = Answer<"CalendarView">;
export type Costs = Answer<"CostsView">;
export type Preview = Answer<"PreviewView">;
export type Rejection = Answer<"Rejection">;
export type TemplateSpec = Answer<"TemplateSpec">;
export type CreateDefinition = Schemas["CreateDefinition"];
export type ReserveSession = Schemas["ReserveSession"];

export interface Page<T> {
  items: T[];
  next_cursor: string;
  total?: number | null;
}
