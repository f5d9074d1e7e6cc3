/** The live picture: every object the user may see, fed by the event stream alone. */
import { batch, computed, signal, type Signal } from "@preact/signals";
import type {
  Controller,
  Definition,
  LabRecord,
  Metrics,
  Session,
  Settings,
  Task,
  Template,
  Worker,
} from "../api/types";

interface Versioned {
  id: string;
  version: number;
}

/** Objects of one kind; a new map per flush, so that views compare by identity. */
export class Collection<T extends Versioned> {
  readonly map: Signal<ReadonlyMap<string, T>> = signal(new Map<string, T>());
  readonly list = computed(() => [...this.map.value.values()]);
  private pending: Map<string, T> | null = null;

  /** Take an object unless a newer one is known: after a reconnect older snapshots may come again. */
  put(item: T): void {
    const target = this.draft();
    const known = target.get(item.id);
    if (!known || known.version <= item.version) target.set(item.id, item);
  }

  remove(id: string): void {
    this.draft().delete(id);
  }

  get(id: string): T | undefined {
    return this.map.value.get(id);
  }

  /** Forget what a complete snapshot did not name. */
  keepOnly(ids: ReadonlySet<string>): void {
    const target = this.draft();
    for (const id of [...target.keys()]) if (!ids.has(id)) target.delete(id);
  }

  /** Show what was taken since the last flush. */
  flush(): void {
    if (this.pending) {
      this.map.value = this.pending;
      this.pending = null;
    }
  }

  private draft(): Map<string, T> {
    this.pending ??= new Map(this.map.value);
    return this.pending;
  }
}

export const workers = new Collection<Worker>();
export const sessions = new Collection<Session>();
export const definitions = new Collection<Definition>();
export const templates = new Collection<Template>();
export const labRecords = new Collection<LabRecord>();
export const tasks = new Collection<Task>();
export const settings = new Collection<Settings>();
export const controllers: Signal<ReadonlyMap<string, Controller>> = signal(new Map());
/** Newest sample of each worker; samples do not change a worker's version. */
export const metrics: Signal<ReadonlyMap<string, Metrics>> = signal(new Map());

export const collections: Record<string, Collection<never>> = {
  worker: workers as unknown as Collection<never>,
  session: sessions as unknown as Collection<never>,
  definition: definitions as unknown as Collection<never>,
  template: templates as unknown as Collection<never>,
  lab_record: labRecords as unknown as Collection<never>,
  task: tasks as unknown as Collection<never>,
  settings: settings as unknown as Collection<never>,
};

/** Show everything that was taken, in one rendering. */
export function flushAll(): void {
  batch(() => {
    for (const collection of Object.values(collections)) collection.flush();
  });
}

export function putMetrics(workerId: string, sample: Metrics): void {
  const next = new Map(metrics.value);
  next.set(workerId, sample);
  metrics.value = next;
}

export function putController(controller: Controller): void {
  const next = new Map(controllers.value);
  next.set(`${controller.service}/${controller.identity}`, controller);
  controllers.value = next;
}

/** The newest sample of a worker, from the metrics events or the worker's own snapshot. */
export function metricsOf(worker: Worker): Metrics | null {
  const live = metrics.value.get(worker.id);
  const own = worker.metrics ?? null;
  if (!live || !own) return live ?? own;
  return live.at >= own.at ? live : own;
}

/** What can be reserved, by title. */
export const reservable = computed(() =>
  definitions.list.value
    .filter((definition) => definition.status.phase === "active")
    .sort((a, b) => a.spec.title.localeCompare(b.spec.title)),
);
