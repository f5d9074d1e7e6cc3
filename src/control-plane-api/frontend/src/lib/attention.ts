/** What needs a person, worst first. */
import type { Session, Task, Worker } from "../api/types";
import { reasonOf } from "./phases";

export interface Attention {
  key: string;
  severity: "critical" | "warning";
  title: string;
  href: string;
  phase: string;
  reason: string;
  since: string;
}

const PAID = new Set(["provisioning", "starting", "running", "draining", "stopping"]);

/** Open tasks, failed or overdue workers, sessions past their deadline or failed within the last hour. */
export function attention(
  workers: readonly Worker[],
  sessions: readonly Session[],
  tasks: readonly Task[],
  now: number,
): Attention[] {
  const found: Attention[] = [];
  for (const task of tasks) {
    if (task.status.phase !== "open" || task.spec.severity === "info") continue;
    const severity = task.spec.severity === "critical" ? "critical" : "warning";
    found.push({
      key: task.id,
      severity,
      title: task.spec.title,
      href: `/tasks?q=${task.id}`,
      phase: "",
      reason: task.spec.description ?? "",
      since: task.created_at,
    });
  }
  for (const worker of workers) {
    const late = worker.status.deadline ? Date.parse(worker.status.deadline) < now : false;
    if (worker.status.phase !== "failed" && !(late && worker.status.phase !== "terminated")) continue;
    found.push({
      key: worker.id,
      severity: worker.status.phase === "failed" ? "critical" : "warning",
      title: `Worker ${worker.spec.name}`,
      href: `/workers/${worker.id}`,
      phase: worker.status.phase,
      reason: worker.status.message ?? "",
      since: worker.status.phase_since,
    });
  }
  for (const session of sessions) {
    const { status } = session;
    const over = status.phase === "terminated";
    const late = !over && status.deadline ? Date.parse(status.deadline) < now : false;
    const failedLately = over && status.outcome === "failed" && now - Date.parse(status.phase_since) < 3_600_000;
    if (!late && !failedLately) continue;
    found.push({
      key: session.id,
      severity: failedLately ? "critical" : "warning",
      title: `${session.spec.definition_title || session.spec.definition_name} of ${session.spec.owner}`,
      href: `/sessions/${session.id}`,
      phase: status.phase,
      reason: reasonOf(session),
      since: status.phase_since,
    });
  }
  const rank = (item: Attention) => (item.severity === "critical" ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || b.since.localeCompare(a.since));
}

export function countBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

const CHARGED = new Set(["instantiating", "ready", "running", "stopped", "collecting", "grading", "stopping"]);

/** Dollars that a session has cost so far, and will have if it ends with its slot. */
export function sessionCost(session: Session, at: number): { soFar: number; forecast: number } {
  const { placement, phase, phase_since: since, cost_usd: booked } = session.status;
  const hourly = placement?.hourly_cost_usd ?? 0;
  const hours = (from: number, to: number) => Math.max(0, to - from) / 3_600_000;
  const soFar = (booked ?? 0) + (CHARGED.has(phase) ? hourly * hours(Date.parse(since), at) : 0);
  if (phase === "terminated" || !placement) return { soFar, forecast: soFar };
  const begin = CHARGED.has(phase) ? at : Date.parse(placement.booked.start);
  return { soFar, forecast: soFar + hourly * hours(begin, Date.parse(placement.booked.end)) };
}

/** Dollars per hour of the machines that EC2 charges for now, and what the fleet has cost so far. */
export function fleetCost(workers: readonly Worker[]): { hourly: number; soFar: number; running: number } {
  const paid = workers.filter((worker) => PAID.has(worker.status.phase));
  return {
    hourly: paid.reduce((sum, worker) => sum + (worker.spec.hourly_cost_usd ?? 0), 0),
    soFar: workers.reduce((sum, worker) => sum + (worker.status.cost_usd ?? 0), 0),
    running: paid.length,
  };
}
