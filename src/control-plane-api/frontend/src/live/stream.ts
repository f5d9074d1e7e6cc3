/** The one event stream. Handlers are added with `sseClient.on(type, handler)`; that is all a new event needs. */
import { signal } from "@preact/signals";
import type { Controller, Metrics } from "../api/types";
import { setClock } from "../lib/time";
import { collections, flushAll, putController, putMetrics } from "./store";

export type StreamState = "connecting" | "connected" | "reconnecting" | "disconnected" | "error";
type Handler = (data: never) => void;

const FLUSH_MS = 100;
const SILENCE_MS = 75_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/** State of the connection, whether a complete snapshot has arrived, and when something was last heard. */
export const streamState = signal<StreamState>("disconnected");
export const hasSnapshot = signal(false);
export const lastHeard = signal<number>(0);

class SseClient {
  private source: EventSource | null = null;
  private handlers = new Map<string, Set<Handler>>();
  private retryMs = FIRST_RETRY_MS;
  private timer = 0;
  private watchdog = 0;
  private flushTimer = 0;
  private snapshotIds: Map<string, Set<string>> | null = null;
  private lastId = "";
  private stopped = true;
  private refusals: ((afterLoss: boolean) => void)[] = [];
  private lost = false;

  /** Call the handler for each event of a type. Returns the way to stop. */
  on<T>(type: string, handler: (data: T) => void): () => void {
    const known = this.handlers.get(type) ?? new Set<Handler>();
    known.add(handler as Handler);
    this.handlers.set(type, known);
    this.source?.addEventListener(type, this.receive);
    return () => known.delete(handler as Handler);
  }

  /** Call back when the server answers the stream with an error, perhaps after it could not be reached for a while. */
  onRefused(callback: (afterLoss: boolean) => void): void {
    this.refusals.push(callback);
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.connect("connecting");
    window.addEventListener("online", this.retryNow);
    document.addEventListener("visibilitychange", this.retryNow);
  }

  stop(): void {
    this.stopped = true;
    this.close();
    clearTimeout(this.timer);
    window.removeEventListener("online", this.retryNow);
    document.removeEventListener("visibilitychange", this.retryNow);
    streamState.value = "disconnected";
  }

  private connect(state: StreamState): void {
    this.close();
    clearTimeout(this.timer);
    streamState.value = state;
    const resume = this.lastId ? `?last_event_id=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(`/api/events/stream${resume}`);
    this.source = source;
    for (const type of this.handlers.keys()) source.addEventListener(type, this.receive);
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      this.lost = false;
      this.heard();
      streamState.value = "connected";
    };
    // A connection that fails is tried again; one that the server refused was answered, and may never be taken again.
    source.onerror = () => this.broken(source.readyState === EventSource.CLOSED);
  }

  private close(): void {
    this.source?.close();
    this.source = null;
    this.snapshotIds = null;
    clearTimeout(this.watchdog);
  }

  /** Reconnect after a pause that grows, so that a restarting server is not overrun by its users. */
  private broken(refused = false): void {
    if (this.stopped) return;
    this.close();
    streamState.value = refused ? "error" : navigator.onLine ? "reconnecting" : "disconnected";
    if (refused) for (const callback of this.refusals) callback(this.lost);
    this.lost = !refused;
    clearTimeout(this.timer);
    const pause = this.retryMs * (0.5 + Math.random() / 2);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    this.timer = window.setTimeout(() => this.connect("reconnecting"), pause);
  }

  private retryNow = (): void => {
    if (document.visibilityState === "visible" && this.source === null && !this.stopped) this.connect("reconnecting");
  };

  /** The server sends a heartbeat every 30 s; a silent connection is a dead one. */
  private heard(): void {
    lastHeard.value = Date.now();
    clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => this.broken(), SILENCE_MS);
  }

  private receive = (event: MessageEvent<string>): void => {
    this.heard();
    if (event.lastEventId) this.lastId = event.lastEventId;
    const data = (event.data ? JSON.parse(event.data) : {}) as never;
    for (const handler of this.handlers.get(event.type) ?? []) handler(data);
    if (!this.flushTimer) this.flushTimer = window.setTimeout(this.flush, FLUSH_MS);
  };

  private flush = (): void => {
    this.flushTimer = 0;
    flushAll();
  };

  /** A complete picture begins: what it does not name has gone. */
  beginSnapshot(): void {
    this.snapshotIds = new Map();
  }

  note(kind: string, id: string): void {
    if (!this.snapshotIds) return;
    const ids = this.snapshotIds.get(kind) ?? new Set<string>();
    ids.add(id);
    this.snapshotIds.set(kind, ids);
  }

  endSnapshot(): void {
    const seen = this.snapshotIds;
    this.snapshotIds = null;
    if (seen) {
      for (const [kind, collection] of Object.entries(collections)) collection.keepOnly(seen.get(kind) ?? new Set());
    }
    flushAll();
    hasSnapshot.value = true;
  }

  /** The server ended a stream that had its time: go on with a new one, without a pause to be seen. */
  resume(): void {
    this.connect(streamState.value);
  }

  /** The server goes away: come back after a moment. */
  retreat(): void {
    this.retryMs = FIRST_RETRY_MS;
    this.broken();
  }
}

export const sseClient = new SseClient();

for (const [kind, collection] of Object.entries(collections)) {
  sseClient.on<{ id: string }>(`${kind}.snapshot`, (item) => {
    sseClient.note(kind, item.id);
    collection.put(item as never);
  });
  sseClient.on<{ id: string }>(`${kind}.deleted`, (item) => collection.remove(item.id));
}
sseClient.on<{ worker_id: string; metrics: Metrics }>("worker.metrics", (data) => {
  putMetrics(data.worker_id, data.metrics);
});
sseClient.on<Controller>("controller.snapshot", putController);
sseClient.on<{ now: string; clock_factor: number }>("connected", (data) => setClock(data.now, data.clock_factor));
// Nothing to do with these: hearing them keeps the connection known as alive and the position up to date.
for (const type of ["mark", "heartbeat"]) sseClient.on(type, () => undefined);
sseClient.on("snapshot.begin", () => sseClient.beginSnapshot());
sseClient.on("snapshot.end", () => sseClient.endSnapshot());
sseClient.on("resumed", () => {
  hasSnapshot.value = true;
});
sseClient.on("stream.end", () => sseClient.resume());
sseClient.on("server.shutdown", () => sseClient.retreat());
