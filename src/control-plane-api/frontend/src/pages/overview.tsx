import type { ComponentChildren } from "preact";
import type { Session, Worker } from "../api/types";
import { Ago, Badge, Card, Empty, Live, PageTitle, Phase } from "../components/basics";
import { countBy, fleetCost, type Attention } from "../lib/attention";
import { dollars, words } from "../lib/format";
import { isLive } from "../lib/phases";
import { needsAttention } from "../live/attention";
import { sessions, workers } from "../live/store";
import { ReserveButton } from "./reserve";

/** What needs a person first; then the fleet, the sessions and the money. */
export default function Overview() {
  return (
    <>
      <PageTitle title="Overview">
        <ReserveButton />
      </PageTitle>
      <Live what="worker">
        <Content />
      </Live>
    </>
  );
}

function Content() {
  const found = needsAttention.value;
  const live = sessions.list.value.filter(isLive);
  const cost = fleetCost(workers.list.value);
  return (
    <>
      <Card title={`Needs attention (${found.length})`}>
        {found.length === 0 ? (
          <Empty title="Nothing needs you" />
        ) : (
          found.slice(0, 20).map((item) => <Row item={item} key={item.key} />)
        )}
      </Card>
      <div class="row g-3">
        <Tile title="Fleet cost now" value={`${dollars(cost.hourly)}/h`} note={`${dollars(cost.soFar)} so far`} />
        <Tile title="Workers" value={String(cost.running)} note={counts(workers.list.value)} />
        <Tile title="Live sessions" value={String(live.length)} note={counts(live)} />
        <Tile
          title="Waiting"
          value={String(sessions.list.value.filter((session) => session.status.phase === "pending").length)}
          note="for a place on a worker"
        />
      </div>
    </>
  );
}

function counts(items: (Worker | Session)[]): string {
  return countBy(items, (item) => item.status.phase)
    .map(([phase, count]) => `${count} ${words(phase).toLowerCase()}`)
    .join(", ");
}

function Tile({ title, value, note }: { title: string; value: string; note: ComponentChildren }) {
  return (
    <div class="col-6 col-lg-3">
      <section class="card h-100">
        <div class="card-body">
          <h2 class="h6 text-body-secondary">{title}</h2>
          <p class="h3 mb-1 tabular">{value}</p>
          <p class="small text-body-secondary mb-0">{note}</p>
        </div>
      </section>
    </div>
  );
}

function Row({ item }: { item: Attention }) {
  return (
    <div class="d-flex flex-wrap align-items-center gap-2 py-1 border-bottom" data-testid="attention">
      <Badge tone={item.severity === "critical" ? "danger" : "warning"}>{item.severity}</Badge>
      <a href={item.href}>{item.title}</a>
      {item.phase && <Phase phase={item.phase} />}
      <span class="text-body-secondary text-break">{item.reason}</span>
      <span class="ms-auto small">
        <Ago at={item.since} />
      </span>
    </div>
  );
}
