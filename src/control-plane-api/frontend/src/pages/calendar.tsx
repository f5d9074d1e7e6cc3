import { useLocation } from "preact-iso";
import { useEffect, useMemo, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Calendar } from "../api/types";
import { Empty, Live, PageTitle } from "../components/basics";
import { Chart } from "../components/chart";
import { Timeline } from "../components/timeline";
import { failed } from "../components/toasts";
import { rowsOf, stepOf, windowAround, type Span, type Window } from "../lib/bookings";
import { dollars, words } from "../lib/format";
import { absolute, present, showUtc } from "../lib/time";
import { sessions, workers } from "../live/store";
import { CostSums } from "./cost_sums";
import { ReserveButton } from "./reserve";

const REFRESH_MS = 15_000;

/** Bookings against capacity. */
export default function CalendarPage() {
  const { query, path, route } = useLocation();
  const span: Span = query.span === "week" ? "week" : "day";
  const at = Date.parse(query.at ?? "") || present();
  const window = windowAround(at, span, showUtc.value);
  const go = (to: number | null, wide: Span) => {
    const wanted = new URLSearchParams(wide === "week" ? { span: wide } : {});
    if (to !== null) wanted.set("at", new Date(to).toISOString().slice(0, 16) + "Z");
    route(wanted.size ? `${path}?${wanted}` : path, true);
  };
  return (
    <>
      <PageTitle title="Calendar">
        <ReserveButton />
      </PageTitle>
      <div class="d-flex flex-wrap align-items-center gap-2 mb-2">
        <div class="btn-group btn-group-sm">
          <button
            type="button"
            class="btn btn-outline-secondary px-3"
            aria-label={`Previous ${span}`}
            onClick={() => go(window.start - 1, span)}
          >
            ‹
          </button>
          <button type="button" class="btn btn-outline-secondary" onClick={() => go(null, span)}>
            Now
          </button>
          <button
            type="button"
            class="btn btn-outline-secondary px-3"
            aria-label={`Next ${span}`}
            onClick={() => go(window.end, span)}
          >
            ›
          </button>
        </div>
        <span class="fw-semibold">{absolute(new Date(window.start).toISOString(), showUtc.value).split(",")[0]}</span>
        <div class="btn-group btn-group-sm ms-auto">
          {(["day", "week"] as const).map((wide) => (
            <button
              type="button"
              key={wide}
              class={`btn btn-outline-secondary ${wide === span ? "active" : ""}`}
              aria-pressed={wide === span}
              onClick={() => go(query.at ? at : null, wide)}
            >
              {words(wide)}
            </button>
          ))}
        </div>
      </div>
      <Live what="worker">
        <Bookings window={window} />
      </Live>
      <Capacity start={window.start} end={window.end} />
      <CostSums />
    </>
  );
}

function Bookings({ window }: { window: Window }) {
  const rows = useMemo(
    () => rowsOf(workers.list.value, sessions.list.value, window),
    [workers.list.value, sessions.list.value, window.start, window.end],
  );
  if (rows.length === 0) return <Empty title="Neither workers nor bookings here" />;
  return <Timeline rows={rows} window={window} />;
}

/** The greatest use of each step against what the workers offer. */
function Capacity({ start, end }: Window) {
  const [found, setFound] = useState<Calendar | null>(null);
  useEffect(() => {
    const params = {
      start: new Date(start).toISOString(),
      end: new Date(end).toISOString(),
      step_minutes: String(stepOf({ start, end })),
    };
    const load = () => call<Calendar>("GET", "/api/capacity/calendar", { params }).then(setFound).catch(failed);
    void load();
    const timer = globalThis.setInterval(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [start, end]);
  const at = useMemo(() => found?.steps.map((step) => Date.parse(step.start)) ?? [], [found]);
  if (!found) return <p role="status">Loading…</p>;
  const lines = (field: "cores" | "nodes") => [
    { label: "Offered", color: "#6c757d", values: found.steps.map((step) => step.offered[field]) },
    { label: "Booked", color: "#0d6efd", values: found.steps.map((step) => step.used[field]), filled: true },
  ];
  return (
    <div class="mt-3" data-testid="capacity">
      <p class="small text-body-secondary">
        {found.workers === 1 ? "1 worker" : `${found.workers} workers`}; what is booked here costs{" "}
        {dollars(found.cost_usd)}.
      </p>
      <div class="row g-3">
        <div class="col-12 col-xl-6">
          <Chart title="Cores booked" at={at} series={lines("cores")} stepped />
        </div>
        <div class="col-12 col-xl-6">
          <Chart title="Nodes booked" at={at} series={lines("nodes")} stepped />
        </div>
      </div>
    </div>
  );
}
