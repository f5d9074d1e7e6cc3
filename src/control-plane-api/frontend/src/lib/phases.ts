/** What each phase means to the eye. The order of the session's life is that of the domain's state table. */
import type { Session } from "../api/types";

export type Tone = "success" | "info" | "warning" | "danger" | "secondary";

export const SESSION_PHASES = [
  "pending",
  "scheduled",
  "instantiating",
  "ready",
  "running",
  "collecting",
  "grading",
  "stopping",
  "stopped",
  "archived",
  "terminated",
] as const;

const TONES: Record<string, Tone> = {
  pending: "secondary",
  scheduled: "info",
  instantiating: "info",
  ready: "success",
  running: "success",
  collecting: "info",
  grading: "info",
  stopping: "warning",
  stopped: "secondary",
  archived: "secondary",
  terminated: "secondary",
  provisioning: "info",
  starting: "info",
  draining: "warning",
  terminating: "warning",
  failed: "danger",
  active: "success",
  pending_sync: "info",
  deprecated: "warning",
  open: "warning",
  done: "success",
  booted: "success",
  error: "danger",
  orphaned: "warning",
};

export function toneOf(phase: string): Tone {
  return TONES[phase] ?? "secondary";
}

export const OVER = new Set(["terminated"]);

export function isLive(session: Session): boolean {
  return !["pending", "terminated", "archived"].includes(session.status.phase);
}

/** Why a session is where it is, in one sentence. */
export function reasonOf(session: Session): string {
  const { status } = session;
  if (status.phase === "pending" && status.explanation) return status.explanation.message;
  const step = status.pipeline?.steps?.find((candidate) => candidate.state === "running");
  return step?.message || status.message || "";
}

/** Share of the pipeline that is done, 0 to 100; null without one. */
export function progressOf(session: Session): number | null {
  const steps = session.status.pipeline?.steps ?? [];
  if (!steps.length || !["instantiating", "collecting", "grading", "stopping"].includes(session.status.phase))
    return null;
  const done = steps.filter((step) => step.state === "done" || step.state === "skipped").length;
  return Math.round((100 * done) / steps.length);
}

/** The slot in force: where it was booked, else what was asked for. */
export function slotOf(session: Session): { start: string; end: string } {
  return session.status.placement?.booked ?? session.spec.slot;
}
