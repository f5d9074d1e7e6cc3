/** Commands of the console, each with its question and its outcome. */
import { call } from "./api/client";
import type { BulkResult, Definition, LabRecord, Session, Task, Worker } from "./api/types";
import { ask } from "./components/dialogs";
import { attempt, failed, succeeded } from "./components/toasts";
import { present } from "./lib/time";

export type WorkerAction =
  "start" | "stop" | "drain" | "cancel-drain" | "terminate" | "force" | "refresh" | "labs/refresh";

const WORKER_DONE: Record<string, string> = {
  start: "will be started",
  stop: "will be stopped",
  drain: "takes no new sessions",
  "cancel-drain": "takes sessions again",
  terminate: "will be terminated",
  force: "may end its sessions now",
  refresh: "is looked at again",
  "labs/refresh": "has its labs read again",
};

/** Which actions make sense for a worker now. */
export function workerActions(worker: Worker): WorkerAction[] {
  const { phase } = worker.status;
  if (phase === "terminated" || phase === "terminating")
    return worker.spec.force ? [] : phase === "terminating" ? ["force"] : [];
  const actions: WorkerAction[] = [];
  if (phase === "stopped" || phase === "failed") actions.push("start");
  if (worker.spec.drain) actions.push("cancel-drain");
  else if (["running", "starting"].includes(phase)) actions.push("drain", "stop");
  if (phase === "draining" && !worker.spec.force) actions.push("force");
  actions.push("refresh");
  if (phase === "running" || phase === "draining") actions.push("labs/refresh");
  actions.push("terminate");
  return actions;
}

export async function actOnWorker(worker: Worker, action: WorkerAction): Promise<void> {
  const { name } = worker.spec;
  if (action === "terminate") {
    const sure = await ask({
      title: `Terminate ${name}?`,
      text: "Its labs are stopped, its license is returned and the machine is destroyed.",
      confirm: "Terminate",
      typed: name,
      danger: true,
    });
    if (!sure) return;
  }
  if (action === "force") {
    const sure = await ask({
      title: `End the sessions on ${name}?`,
      text: "Learners who work on this machine lose their labs at once.",
      confirm: "End them",
      typed: name,
      danger: true,
    });
    if (!sure) return;
  }
  if (action === "stop") {
    const sure = await ask({
      title: `Stop ${name}?`,
      text: "It is refused while sessions need the machine.",
      confirm: "Stop",
    });
    if (!sure) return;
  }
  await attempt(`${name} ${WORKER_DONE[action]}.`, () =>
    call("POST", `/api/workers/${worker.id}/${action}`, { body: {} }),
  );
}

export async function licenseAction(worker: Worker, action: "register" | "deregister" | "renew"): Promise<void> {
  if (action === "deregister") {
    const sure = await ask({
      title: `Return the license of ${worker.spec.name}?`,
      text: "Without a license the worker takes no sessions.",
      confirm: "Return it",
      danger: true,
    });
    if (!sure) return;
  }
  await attempt(`The license of ${worker.spec.name}: ${action} asked for.`, () =>
    call("POST", `/api/workers/${worker.id}/license/${action}`, { body: {} }),
  );
}

export type SessionAction = "cancel" | "stop" | "resume" | "restart" | "collect-and-grade" | "requeue" | "start";

function delivered(session: Session): boolean {
  return session.status.conditions.some((known) => known.type === "Delivered" && known.status === "true");
}

/** Which actions make sense for a session now. */
export function sessionActions(session: Session, operator: boolean): SessionAction[] {
  const { phase } = session.status;
  const actions: SessionAction[] = [];
  if (phase === "running") actions.push("stop");
  if (phase === "stopped") actions.push("resume");
  if (operator && phase === "running" && session.spec.graded) actions.push("collect-and-grade");
  if (operator && ["ready", "running"].includes(phase)) actions.push("restart");
  if (operator && phase === "ready" && !delivered(session)) actions.push("start");
  if (operator && phase === "scheduled") actions.push("requeue");
  if (!["stopping", "archived", "terminated"].includes(phase) && session.spec.desired !== "ended")
    actions.push("cancel");
  return actions;
}

export async function actOnSession(session: Session, action: SessionAction): Promise<void> {
  if (action === "cancel") {
    const running = ["ready", "running", "collecting", "grading"].includes(session.status.phase);
    const sure = await ask({
      title: `End ${session.spec.definition_title || session.spec.definition_name}?`,
      text: running
        ? "The lab is stopped and removed; the learner loses what is in it."
        : "The reservation is given up.",
      confirm: running ? "End it" : "Cancel it",
      danger: true,
    });
    if (!sure) return;
  }
  await attempt(`Session ${session.id}: ${action.replaceAll("-", " ")} accepted.`, () =>
    call("POST", `/api/lablet-sessions/${session.id}/${action}`, action === "cancel" ? { body: { reason: "" } } : {}),
  );
}

/** Whether the lab may be built again from a step that has begun. */
export function retryable(session: Session): boolean {
  return ["instantiating", "ready"].includes(session.status.phase) && session.spec.desired !== "ended";
}

export async function retryFrom(session: Session, step: string): Promise<void> {
  const sure = await ask({
    title: `Build again from ${step.replaceAll("-", " ")}?`,
    text: "What this step and those after it made is given back first.",
    confirm: "Build again",
    danger: true,
  });
  if (!sure) return;
  await attempt(`Session ${session.id}: retry from ${step} accepted.`, () =>
    call("POST", `/api/lablet-sessions/${session.id}/retry`, { body: { step } }),
  );
}

export async function extendSession(session: Session, minutes: number): Promise<void> {
  const end = new Date(Date.parse((session.status.placement?.booked ?? session.spec.slot).end) + minutes * 60_000);
  await attempt(`Extended by ${minutes} minutes.`, () =>
    call("POST", `/api/lablet-sessions/${session.id}/extend`, { body: { end: end.toISOString() } }),
  );
}

/** Open the learner's link in a new tab; each reading is audited. */
export async function launch(session: Session): Promise<void> {
  try {
    const link = await call<{ url: string }>("GET", `/api/lablet-sessions/${session.id}/launch`);
    window.open(link.url, "_blank", "noopener");
  } catch (error) {
    failed(error);
  }
}

/** The server takes so many at a time. */
const BULK = 200;
const BULK_TEXTS = {
  cancel: { question: "End", text: "Their labs are stopped and removed.", done: "sessions end" },
  stop: { question: "Stop", text: "Their learners can resume until the slot ends.", done: "sessions stop" },
} as const;

/** Ask once, then act on every selected session; whether all were accepted. */
export async function actOnSessions(selected: Session[], action: keyof typeof BULK_TEXTS): Promise<boolean> {
  const words = BULK_TEXTS[action];
  const sure = await ask({
    title: `${words.question} ${selected.length} sessions?`,
    text: words.text,
    confirm: `${words.question} them`,
    typed: String(selected.length),
    danger: true,
  });
  if (!sure) return false;
  const ids = selected.map((session) => session.id);
  try {
    const results: BulkResult["items"] = [];
    for (let from = 0; from < ids.length; from += BULK) {
      const body = { action, ids: ids.slice(from, from + BULK) };
      results.push(...(await call<BulkResult>("POST", "/api/lablet-sessions:bulk", { body })).items);
    }
    const refused = results.filter((item) => item.status >= 400);
    if (refused.length) failed(new Error(`${refused.length} of ${ids.length} refused: ${refused[0]!.detail}`));
    else succeeded(`${results.length} ${words.done}.`);
    return refused.length === 0;
  } catch (error) {
    failed(error);
    return false;
  }
}

/** Ask once, then act on every selected worker that the action fits. */
export async function actOnWorkers(
  selected: Worker[],
  action: "start" | "stop" | "drain" | "refresh",
): Promise<boolean> {
  const fitting = selected.filter((worker) => workerActions(worker).includes(action));
  if (action === "stop") {
    const sure = await ask({
      title: `Stop ${fitting.length} workers?`,
      text: "Those that sessions need are refused.",
      confirm: "Stop them",
      typed: String(fitting.length),
      danger: true,
    });
    if (!sure) return false;
  }
  const faults: unknown[] = [];
  for (const worker of fitting) {
    try {
      await call("POST", `/api/workers/${worker.id}/${action}`, { body: {} });
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length) failed(new Error(`${faults.length} of ${fitting.length} refused: ${String(faults[0])}`));
  else succeeded(`${fitting.length} workers: ${action} asked for.`);
  return faults.length === 0;
}

export async function snoozeWorker(worker: Worker, hours: number): Promise<void> {
  const until = hours ? new Date(present() + hours * 3_600_000).toISOString() : null;
  const done = hours ? `is not paused for ${hours} hours` : "is paused again when it is idle";
  await attempt(`${worker.spec.name} ${done}.`, () =>
    call("POST", `/api/workers/${worker.id}/snooze`, { body: { until } }),
  );
}

/** EC2 takes samples every minute instead of every five, for seven metrics at 0.30 dollars a month (us-east-1). */
export async function monitorWorker(worker: Worker, detailed: boolean): Promise<void> {
  await attempt(`Detailed monitoring of ${worker.spec.name} is switched ${detailed ? "on" : "off"}.`, () =>
    call("PUT", `/api/workers/${worker.id}/monitoring`, { body: { detailed } }),
  );
}

export async function actOnDefinition(
  definition: Definition,
  action: "sync" | "deprecate" | "reactivate" | "archive",
): Promise<void> {
  if (action === "archive") {
    const sure = await ask({
      title: `Archive ${definition.spec.name} ${definition.spec.semantic_version}?`,
      text: "Nobody can reserve it any more.",
      confirm: "Archive",
      danger: true,
    });
    if (!sure) return;
  }
  await attempt(`${definition.spec.name}: ${action} accepted.`, () =>
    call("POST", `/api/lablet-definitions/${definition.id}/${action}`),
  );
}

export async function actOnLab(record: LabRecord, action: string): Promise<void> {
  if (action === "wipe" || action === "delete") {
    const sure = await ask({
      title: `${action === "wipe" ? "Wipe" : "Delete"} ${record.spec.title}?`,
      text: action === "wipe" ? "Every device loses its state." : "The lab is removed from the worker.",
      confirm: action === "wipe" ? "Wipe" : "Delete",
      danger: true,
    });
    if (!sure) return;
  }
  await attempt(`${record.spec.title}: ${action} asked for.`, () =>
    call("POST", `/api/lab-records/${record.id}/${action}`),
  );
}

/** Upload a topology and have it imported on a worker. */
export async function importLab(worker: Worker, file: File): Promise<void> {
  await attempt(`${file.name} will be imported on ${worker.spec.name}.`, async () => {
    const artifact = await call<{ id: string }>("POST", "/api/artifacts", { file, filename: file.name });
    return call("POST", "/api/lab-records/import", { body: { worker_id: worker.id, artifact_id: artifact.id } });
  });
}

/** Give a lab that nobody owns to a session that waits on the same worker. */
export async function bindLab(record: LabRecord, session: Session): Promise<void> {
  const sure = await ask({
    title: `Give ${record.spec.title} to ${session.spec.owner}?`,
    text: "The session uses this lab instead of one of its own, and takes it along when it ends.",
    confirm: "Give it",
  });
  if (!sure) return;
  await attempt(`${record.spec.title}: bind asked for.`, () =>
    call("POST", `/api/lab-records/${record.id}/bind`, { body: { session_id: session.id } }),
  );
}

export async function closeTask(task: Task): Promise<void> {
  await attempt("The task is done.", () =>
    call("PUT", `/api/tasks/${task.id}`, { body: { state: "done" }, version: task.version }),
  );
}
