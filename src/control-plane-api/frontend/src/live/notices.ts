/** Events of the moment, told as they come: they are no object's state and are not in any snapshot. */
import { noticed, succeeded } from "../components/toasts";
import { workers } from "./store";
import { sseClient } from "./stream";

interface Notice {
  severity: "info" | "warning" | "critical";
  message: string;
  by: string;
}

interface Refresh {
  worker_id: string;
  what: "worker" | "labs";
}

function nameOf(workerId: string): string {
  return workers.get(workerId)?.spec.name ?? "the worker";
}

sseClient.on<Notice>("notice", (notice) => {
  noticed(`${notice.message} (${notice.by})`, notice.severity === "critical");
});
sseClient.on<Refresh>("worker.refresh.throttled", (refresh) => {
  succeeded(`${nameOf(refresh.worker_id)} was looked at a moment ago; that look still counts.`);
});
// The change of the worker itself tells the rest.
sseClient.on<Refresh>("worker.refresh.requested", () => undefined);
