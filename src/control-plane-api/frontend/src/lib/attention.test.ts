import { describe, expect, it } from "vitest";
import type { Session, Task, Worker } from "../api/types";
import { attention, fleetCost, sessionCost } from "./attention";

const NOW = Date.parse("2026-11-25T12:00:00Z");

function worker(id: string, phase: string, more: object = {}): Worker {
  const status = { phase, phase_since: "2026-11-25T11:00:00Z", deadline: null, message: "why", cost_usd: 2, ...more };
  return { id, spec: { name: id, hourly_cost_usd: 3 }, status } as unknown as Worker;
}

function session(id: string, more: object): Session {
  const spec = { definition_title: "Lab", definition_name: "lab", owner: "user" };
  const status = { phase: "running", phase_since: "2026-11-25T11:30:00Z", deadline: null, message: "", ...more };
  return { id, spec, status } as unknown as Session;
}

function task(id: string, severity: string, phase = "open"): Task {
  return {
    id,
    created_at: "2026-11-25T11:00:00Z",
    spec: { title: id, severity },
    status: { phase },
  } as unknown as Task;
}

function keys(workers: Worker[], sessions: Session[], tasks: Task[]): string[] {
  return attention(workers, sessions, tasks, NOW).map((item) => item.key);
}

describe("what needs a person", () => {
  it("is nothing while everything goes its way", () => {
    expect(keys([worker("w", "running")], [session("s", {})], [])).toEqual([]);
  });

  it("are failed workers and those past their deadline", () => {
    const late = worker("late", "starting", { deadline: "2026-11-25T11:59:00Z" });
    const early = worker("early", "starting", { deadline: "2026-11-25T12:01:00Z" });
    expect(keys([late, early, worker("broken", "failed")], [], [])).toEqual(["broken", "late"]);
  });

  it("are sessions that failed within the last hour", () => {
    const lately = session("lately", { phase: "terminated", outcome: "failed" });
    const before = session("before", {
      phase: "terminated",
      outcome: "failed",
      phase_since: "2026-11-25T10:00:00Z",
    });
    expect(keys([], [lately, before], [])).toEqual(["lately"]);
  });

  it("are open tasks, the critical ones first", () => {
    expect(keys([], [], [task("a", "warning"), task("b", "critical"), task("c", "critical", "done")])).toEqual([
      "b",
      "a",
    ]);
  });
});

describe("the cost of the fleet", () => {
  it("counts machines that EC2 charges for", () => {
    expect(fleetCost([worker("a", "running"), worker("b", "stopped")])).toEqual({ hourly: 3, soFar: 4, running: 1 });
  });
});

describe("the cost of a session", () => {
  const placement = {
    hourly_cost_usd: 2,
    booked: { start: "2026-11-25T11:00:00Z", end: "2026-11-25T13:00:00Z" },
  };

  it("runs on while it holds its place and ends with its slot", () => {
    expect(sessionCost(session("a", { placement, cost_usd: 0.5 }), NOW)).toEqual({ soFar: 1.5, forecast: 3.5 });
  });

  it("is the whole slot before it begins, and what was booked after it ended", () => {
    expect(sessionCost(session("a", { placement, phase: "scheduled" }), NOW)).toEqual({ soFar: 0, forecast: 4 });
    const ended = session("a", { placement, phase: "terminated", cost_usd: 3 });
    expect(sessionCost(ended, NOW)).toEqual({ soFar: 3, forecast: 3 });
  });

  it("is nothing without a place", () => {
    expect(sessionCost(session("a", { phase: "pending" }), NOW)).toEqual({ soFar: 0, forecast: 0 });
  });
});
