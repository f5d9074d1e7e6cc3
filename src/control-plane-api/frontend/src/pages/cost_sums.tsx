import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Costs } from "../api/types";
import { At, Card, Empty, Scroll } from "../components/basics";
import { dollars, words } from "../lib/format";
import { isAdmin } from "../user";

const REFRESH_MS = 60_000;
/** So many owners stand in the table before somebody asks for all. */
const SHOWN = 10;

type Grouping = Costs["by"];

/** What the sessions of each owner, or department, have cost and will have cost when their slots end. */
export function CostSums() {
  const [by, setBy] = useState<Grouping>("owner");
  const [found, setFound] = useState<Costs | null>(null);
  const [fault, setFault] = useState("");
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let here = true;
    const load = async () => {
      try {
        const costs = await call<Costs>("GET", "/api/costs", { params: { by } });
        if (!here) return;
        setFound(costs);
        setFault("");
      } catch (error) {
        if (here) setFault(error instanceof Error ? error.message : String(error));
      }
    };
    void load();
    const timer = globalThis.setInterval(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
    return () => {
      here = false;
      clearInterval(timer);
    };
  }, [by, tries]);

  return (
    <div class="mt-3" data-testid="costs">
      <Card title={`Cost by ${by}`} actions={isAdmin.value ? <Choice by={by} choose={setBy} /> : undefined}>
        {fault && (
          <div class="alert alert-warning py-2 small" role="alert">
            The costs cannot be shown: {fault}{" "}
            <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => setTries(tries + 1)}>
              Try again
            </button>
          </div>
        )}
        {found?.by === by ? <Sums found={found} /> : !fault && <p role="status">Adding up the costs…</p>}
      </Card>
    </div>
  );
}

function Choice({ by, choose }: { by: Grouping; choose: (by: Grouping) => void }) {
  return (
    <div class="btn-group btn-group-sm">
      {(["owner", "department"] as const).map((each) => (
        <button
          type="button"
          key={each}
          class={`btn btn-outline-secondary ${each === by ? "active" : ""}`}
          aria-pressed={each === by}
          onClick={() => choose(each)}
        >
          {words(each)}
        </button>
      ))}
    </div>
  );
}

function Sums({ found }: { found: Costs }) {
  const [all, setAll] = useState(false);
  if (found.items.length === 0) {
    return (
      <Empty title="No session costs anything">
        <p class="mb-0">
          Nobody has a session between <At at={found.start} /> and <At at={found.end} />.
        </p>
      </Empty>
    );
  }
  const shown = all ? found.items : found.items.slice(0, SHOWN);
  return (
    <>
      <p class="small text-body-secondary">
        Sessions with a slot between <At at={found.start} /> and <At at={found.end} />; the forecast is what they will
        have cost when their slots end.
      </p>
      <Scroll label={`Cost by ${found.by}`}>
        <table class="table table-sm mb-0">
          <thead>
            <tr>
              <th scope="col">{words(found.by)}</th>
              <th scope="col" class="text-end">
                Sessions
              </th>
              <th scope="col" class="text-end">
                So far
              </th>
              <th scope="col" class="text-end">
                Forecast
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((item) => (
              <Row key={item.name} title={item.name || `No ${found.by}`} sum={item} />
            ))}
          </tbody>
          <tfoot>
            <Row title="Total" sum={found} weight="fw-semibold" />
          </tfoot>
        </table>
      </Scroll>
      {shown.length < found.items.length && (
        <button type="button" class="btn btn-sm btn-outline-secondary mt-2" onClick={() => setAll(true)}>
          Show all {found.items.length}
        </button>
      )}
    </>
  );
}

type Amounts = Pick<Costs, "sessions" | "cost_usd" | "forecast_usd">;

function Row({ title, sum, weight = "fw-normal" }: { title: string; sum: Amounts; weight?: string }) {
  return (
    <tr class={weight}>
      <th scope="row" class={`${weight} text-break`}>
        {title}
      </th>
      <td class="text-end tabular">{sum.sessions}</td>
      <td class="text-end tabular">{dollars(sum.cost_usd)}</td>
      <td class="text-end tabular">{dollars(sum.forecast_usd)}</td>
    </tr>
  );
}
