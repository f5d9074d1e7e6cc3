import { useEffect, useState } from "preact/hooks";
import { monitorWorker } from "../actions";
import { call } from "../api/client";
import type { Metrics, Page, Worker } from "../api/types";
import { Empty } from "../components/basics";
import { Chart, type Series } from "../components/chart";
import { failed } from "../components/toasts";
import { present } from "../lib/time";
import { metricsOf } from "../live/store";
import { isManager } from "../user";

const HOURS = [1, 6, 24, 168, 720];
const SAMPLES = "2000";

type Line = readonly [label: string, field: keyof Metrics, color: string];
const CHARTS: readonly (readonly [title: string, lines: readonly Line[]])[] = [
  [
    "Utilization (%)",
    [
      ["CPU", "cpu_percent", "#0d6efd"],
      ["Memory", "memory_percent", "#d63384"],
      ["Storage", "storage_percent", "#198754"],
    ],
  ],
  [
    "Network (bytes/s)",
    [
      ["In", "network_in", "#0d6efd"],
      ["Out", "network_out", "#fd7e14"],
    ],
  ],
  [
    "CML",
    [
      ["Nodes", "running_nodes", "#6f42c1"],
      ["Labs", "running_labs", "#20c997"],
    ],
  ],
];

/** History once over REST, then every new sample from the stream. */
export default function Charts({ worker }: { worker: Worker }) {
  const [hours, setHours] = useState(6);
  const [history, setHistory] = useState<Metrics[] | null>(null);
  useEffect(() => {
    const since = new Date(present() - hours * 3_600_000).toISOString();
    setHistory(null);
    call<Page<Metrics>>("GET", `/api/workers/${worker.id}/metrics`, { params: { since, limit: SAMPLES } })
      .then((page) => setHistory(page.items))
      .catch((error: unknown) => {
        failed(error);
        setHistory([]);
      });
  }, [worker.id, hours]);
  const newest = metricsOf(worker);
  useEffect(() => {
    if (newest && history && (history.at(-1)?.at ?? "") < newest.at) setHistory([...history, newest]);
  }, [newest?.at]);

  return (
    <>
      <div class="btn-group btn-group-sm mb-3" role="group" aria-label="Span">
        {HOURS.map((span) => (
          <button
            type="button"
            key={span}
            class={`btn btn-outline-secondary ${span === hours ? "active" : ""}`}
            aria-pressed={span === hours}
            onClick={() => setHours(span)}
          >
            {span < 48 ? `${span} h` : `${span / 24} days`}
          </button>
        ))}
      </div>
      {isManager.value && (
        <div class="form-check form-switch mb-3">
          <input
            id="detailed-monitoring"
            class="form-check-input"
            type="checkbox"
            role="switch"
            checked={worker.spec.detailed_monitoring}
            onChange={(event) => void monitorWorker(worker, event.currentTarget.checked)}
          />
          <label class="form-check-label" for="detailed-monitoring">
            Detailed monitoring by EC2, every minute (about $2.10 a month)
          </label>
        </div>
      )}
      {history === null ? (
        <p role="status">Loading…</p>
      ) : history.length === 0 ? (
        <Empty title="No samples in this span" />
      ) : (
        CHARTS.map(([title, lines]) => (
          <Chart
            key={title}
            title={title}
            at={history.map((sample) => Date.parse(sample.at))}
            series={lines.map((line) => seriesOf(history, line))}
          />
        ))
      )}
    </>
  );
}

function seriesOf(history: Metrics[], [label, field, color]: Line): Series {
  return { label, color, values: history.map((sample) => (sample[field] as number | null) ?? null) };
}
