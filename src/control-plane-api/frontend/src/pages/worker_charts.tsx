import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { call } from "../api/client";
import type { Metrics, Page, Worker } from "../api/types";
import { Card, Empty } from "../components/basics";
import { failed } from "../components/toasts";
import { metricsOf } from "../live/store";

const HOURS = [1, 6, 24, 168];

/** History once over REST, then every new sample from the stream. */
export default function Charts({ worker }: { worker: Worker }) {
  const [hours, setHours] = useState(6);
  const [history, setHistory] = useState<Metrics[] | null>(null);
  useEffect(() => {
    const since = new Date(Date.now() - hours * 3_600_000).toISOString();
    setHistory(null);
    call<Page<Metrics>>("GET", `/api/workers/${worker.id}/metrics`, { params: { since } })
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
      {history === null ? (
        <p role="status">Loading…</p>
      ) : history.length === 0 ? (
        <Empty title="No samples in this span" />
      ) : (
        <>
          <Chart
            title="Utilization (%)"
            samples={history}
            series={[
              ["CPU", "cpu_percent", "#0d6efd"],
              ["Memory", "memory_percent", "#d63384"],
              ["Storage", "storage_percent", "#198754"],
            ]}
          />
          <Chart
            title="Network (bytes/s)"
            samples={history}
            series={[
              ["In", "network_in", "#0d6efd"],
              ["Out", "network_out", "#fd7e14"],
            ]}
          />
          <Chart
            title="CML"
            samples={history}
            series={[
              ["Nodes", "running_nodes", "#6f42c1"],
              ["Labs", "running_labs", "#20c997"],
            ]}
          />
        </>
      )}
    </>
  );
}

type Series = [label: string, field: keyof Metrics, color: string];

function Chart({ title, samples, series }: { title: string; samples: Metrics[]; series: Series[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [
    samples.map((sample) => Date.parse(sample.at) / 1000),
    ...series.map(([, field]) => samples.map((sample) => (sample[field] as number | null) ?? null)),
  ] as uPlot.AlignedData;
  useEffect(() => {
    const element = place.current!;
    const ink = getComputedStyle(element).color;
    const axis = { stroke: ink, grid: { stroke: "rgba(128,128,128,.2)" }, ticks: { stroke: "rgba(128,128,128,.2)" } };
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: 180,
        axes: [axis, axis],
        series: [{}, ...series.map(([label, , stroke]) => ({ label, stroke, width: 1.5, spanGaps: true }))],
      },
      data,
      element,
    );
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: 180 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [samples]);
  return (
    <Card title={title}>
      <div ref={place} role="img" aria-label={`${title}: ${series.map(([label]) => label).join(", ")}`} />
    </Card>
  );
}
