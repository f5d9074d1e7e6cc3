import type { ComponentChildren } from "preact";
import type { Session, Worker } from "../api/types";
import { Ago, Badge, Bar, Card, Live, PageTitle, Phase } from "../components/basics";
import { Countdown } from "../components/session_parts";
import { countBy, fleetCost, type Attention } from "../lib/attention";
import { dollars, words } from "../lib/format";
import { isLive, slotOf } from "../lib/phases";
import { now } from "../lib/time";
import { needsAttention } from "../live/attention";
import { metricsOf, sessions, workers } from "../live/store";
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
          <p class="text-body-secondary mb-0">Nothing needs you.</p>
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
      <div class="row g-3 mt-0">
        <div class="col-12 col-xl-6">
          <Card title="Next to start or end">
            <Upcoming />
          </Card>
        </div>
        <div class="col-12 col-xl-6">
          <Card title="Busiest workers">
            <Busiest />
          </Card>
        </div>
      </div>
    </>
  );
}

const LISTED = 8;

function Upcoming() {
  const next = sessions.list.value
    .filter((session) => session.status.placement && !["terminated", "archived"].includes(session.status.phase))
    .map((session) => ({ session, at: nextInstant(session, now.value) }))
    .filter((entry) => entry.at > 0)
    .sort((a, b) => a.at - b.at)
    .slice(0, LISTED);
  if (next.length === 0) return <p class="text-body-secondary mb-0">No session is booked.</p>;
  return (
    <ul class="list-unstyled mb-0">
      {next.map(({ session }) => (
        <li key={session.id} class="d-flex flex-wrap gap-2 py-1 border-bottom">
          <Phase phase={session.status.phase} />
          <a href={`/sessions/${session.id}`}>{session.spec.definition_title || session.spec.definition_name}</a>
          <span class="text-body-secondary">{session.spec.owner}</span>
          <span class="ms-auto small">
            <Countdown session={session} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** When a session starts, or, once its lab is ready, when it ends; 0 after that. */
function nextInstant(session: Session, present: number): number {
  const slot = slotOf(session);
  const ahead = ["pending", "scheduled", "instantiating"].includes(session.status.phase);
  const at = Date.parse(ahead ? slot.start : slot.end);
  return at > present ? at : 0;
}

function Busiest() {
  const busy = workers.list.value
    .filter((worker) => ["running", "draining"].includes(worker.status.phase))
    .map((worker) => ({ worker, cpu: metricsOf(worker)?.cpu_percent ?? 0 }))
    .sort((a, b) => b.cpu - a.cpu)
    .slice(0, LISTED);
  if (busy.length === 0) return <p class="text-body-secondary mb-0">No worker is running.</p>;
  return (
    <ul class="list-unstyled mb-0">
      {busy.map(({ worker, cpu }) => (
        <li key={worker.id} class="d-flex flex-wrap gap-2 py-1 border-bottom">
          <a href={`/workers/${worker.id}`}>{worker.spec.name}</a>
          <span class="ms-auto d-flex gap-3">
            <Bar label={`CPU of ${worker.spec.name}`} value={cpu} />
            <Bar label={`Memory of ${worker.spec.name}`} value={metricsOf(worker)?.memory_percent} />
          </span>
        </li>
      ))}
    </ul>
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
