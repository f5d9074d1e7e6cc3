/** The wire models, by their short names. `schema.d.ts` is generated from the OpenAPI document: never edit it. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Worker = Schemas["WorkerView"];
export type Session = Schemas["SessionView"];
export type Definition = Schemas["DefinitionView"];
export type Template = Schemas["TemplateView"];
export type LabRecord = Schemas["LabRecordView"];
export type Task = Schemas["TaskView"];
export type Controller = Schemas["ControllerView"];
export type AuditEntry = Schemas["AuditEntryView"];
export type Metrics = Schemas["WorkerMetrics"];
export type Condition = Schemas["Condition"];
export type Problem = Schemas["Problem"];
export type ScoreReport = Schemas["ScoreReportView"];
export type User = Schemas["UserView"];
export type Claim = Schemas["ClaimView"];
export type BulkResult = Schemas["BulkResult"];
export type Artifact = Schemas["ArtifactView"];
export type CreateDefinition = Schemas["CreateDefinition"];
export type ReserveSession = Schemas["ReserveSession"];

export interface Page<T> {
  items: T[];
  next_cursor: string;
  total?: number | null;
}
