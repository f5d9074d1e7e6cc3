import { lazy, useLocation, useRoute } from "preact-iso";
import { Suspense } from "preact/compat";
import { actOnWorker, licenseAction, snoozeWorker, workerActions } from "../actions";
import type { Worker } from "../api/types";
import { Ago, At, Badge, Bar, Card, Empty, Facts, Live, PageTitle, Phase, Scroll } from "../components/basics";
import { condition, dollars, memory, words } from "../lib/format";
import { now } from "../lib/time";
import { metricsOf, sessions, workers } from "../live/store";
import { isAdmin, isManager } from "../user";
import { WorkerLabs } from "./worker_labs";

const Charts = lazy(() => import("./worker_charts"));
const SNOOZE_HOURS = 4;
const TABS = ["overview", "labs", "metrics", "license", "conditions", "events"] as const;

export default function WorkerPage() {
  const { params } = useRoute();
  return (
    <Live what="worker">
      <Details worker={workers.get(params.id ?? "")} id={params.id ?? ""} />
    </Live>
  );
}

function Details({ worker, id }: { worker: Worker | undefined; id: string }) {
  const { path, query, route } = useLocation();
  if (!worker) {
    return (
      <Empty title={`There is no worker ${id}`} page>
        <a href="/workers">All workers</a>
      </Empty>
    );
  }
  const snoozed = worker.spec.snoozed_until !== null && Date.parse(worker.spec.snoozed_until) > now.value;
  const tab = TABS.find((candidate) => candidate === query.tab) ?? "overview";
  return (
    <>
      <PageTitle
        title={
          <>
            {worker.spec.name} <Phase phase={worker.status.phase} />{" "}
            {worker.status.schedulable ? (
              <Badge tone="success">schedulable</Badge>
            ) : (
              <Badge tone="secondary">not schedulable</Badge>
            )}
          </>
        }
      >
        {isManager.value &&
          workerActions(worker)
            .filter((action) => isAdmin.value || !["terminate", "force"].includes(action))
            .map((action) => (
              <button
                key={action}
                type="button"
                class={`btn btn-sm ${["terminate", "force"].includes(action) ? "btn-outline-danger" : "btn-outline-primary"}`}
                onClick={() => void actOnWorker(worker, action)}
              >
                {words(action.replace("/", " "))}
              </button>
            ))}
        {isManager.value && ["running", "starting"].includes(worker.status.phase) && (
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            title="Keep idle detection from pausing it"
            onClick={() => void snoozeWorker(worker, snoozed ? 0 : SNOOZE_HOURS)}
          >
            {snoozed ? "End snooze" : `Snooze ${SNOOZE_HOURS} h`}
          </button>
        )}
      </PageTitle>
      {worker.status.message && <p class="text-body-secondary">{worker.status.message}</p>}
      {snoozed && (
        <p class="small">
          Not paused when idle until <At at={worker.spec.snoozed_until} />.
        </p>
      )}
      <ul class="nav nav-tabs mb-3" role="tablist">
        {TABS.map((candidate) => (
          <li class="nav-item" key={candidate} role="presentation">
            <button
              type="button"
              role="tab"
              aria-selected={candidate === tab}
              class={`nav-link ${candidate === tab ? "active" : ""}`}
              onClick={() => route(candidate === "overview" ? path : `${path}?tab=${candidate}`, true)}
            >
              {words(candidate)}
            </button>
          </li>
        ))}
      </ul>
      <div role="tabpanel">
        {tab === "overview" && <Overview worker={worker} />}
        {tab === "labs" && <WorkerLabs worker={worker} />}
        {tab === "metrics" && (
          <Suspense fallback={<p>Loading…</p>}>
            <Charts worker={worker} />
          </Suspense>
        )}
        {tab === "license" && <License worker={worker} />}
        {tab === "conditions" && <Conditions worker={worker} />}
        {tab === "events" && <History worker={worker} />}
      </div>
    </>
  );
}

function Overview({ worker }: { worker: Worker }) {
  const sample = metricsOf(worker);
  const { spec, status } = worker;
  const placed = sessions.list.value.filter(
    (session) => session.status.placement?.worker_id === worker.id && session.status.phase !== "terminated",
  );
  return (
    <>
      <Card title="Now">
        <div class="row g-3">
          <div class="col-6 col-md-3">
            CPU <Bar label="CPU" value={sample?.cpu_percent} />
          </div>
          <div class="col-6 col-md-3">
            Memory <Bar label="Memory" value={sample?.memory_percent} />
          </div>
          <div class="col-6 col-md-3">
            Storage <Bar label="Storage" value={sample?.storage_percent} />
          </div>
          <div class="col-6 col-md-3">
            Nodes <div class="tabular">{sample?.running_nodes ?? "–"} running</div>
          </div>
        </div>
      </Card>
      <Card title="Machine">
        <Facts
          rows={[
            ["Id", worker.id],
            ["Template", spec.template_name],
            ["Region", spec.region],
            ["Instance", status.instance.instance_id],
            ["Type", spec.instance_type],
            ["Image", status.instance.ami_name],
            ["Endpoint", status.endpoint],
            ["Private address", status.instance.private_ip],
            [
              "Capacity",
              `${status.capacity.cores} cores, ${memory(status.capacity.memory_mb ?? 0)}, ${status.capacity.nodes} nodes`,
            ],
            ["CML", status.cml.version],
            ["Cost", `${dollars(spec.hourly_cost_usd)}/h, ${dollars(status.cost_usd)} so far`],
            ["Origin", words(spec.origin)],
            ["Wanted", `${words(spec.desired)}${spec.desired_reason ? ` (${spec.desired_reason})` : ""}`],
            ["Idle since", <Ago at={status.idle_since} />],
            ["Snoozed until", <At at={spec.snoozed_until} />],
            ["In this phase", <Ago at={status.phase_since} />],
          ]}
        />
      </Card>
      <Card title={`Sessions (${placed.length})`}>
        {placed.length === 0 ? (
          <Empty title="No sessions here" />
        ) : (
          <ul class="list-unstyled mb-0">
            {placed.map((session) => (
              <li key={session.id} class="d-flex gap-2 py-1 border-bottom">
                <Phase phase={session.status.phase} />
                <a href={`/sessions/${session.id}`}>{session.spec.definition_title || session.spec.definition_name}</a>
                <span class="text-body-secondary">{session.spec.owner}</span>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}

function License({ worker }: { worker: Worker }) {
  const license = worker.status.license;
  return (
    <Card
      title="License"
      actions={
        isAdmin.value && (
          <div class="btn-group btn-group-sm">
            {(["register", "renew", "deregister"] as const).map((action) => (
              <button
                type="button"
                class="btn btn-outline-primary"
                key={action}
                onClick={() => void licenseAction(worker, action)}
              >
                {words(action)}
              </button>
            ))}
          </div>
        )
      }
    >
      <Facts
        rows={[
          ["Registration", words(license.status)],
          ["Authorization", words(license.authorization || "unknown")],
          ["Product", license.product],
          ["Node limit", license.node_limit || "–"],
          ["Expires", <At at={license.expires} />],
          ["Features", license.features.join(", ")],
        ]}
      />
    </Card>
  );
}

function Conditions({ worker }: { worker: Worker }) {
  return (
    <Scroll label="Conditions">
      <table class="table table-sm">
        <thead>
          <tr>
            <th scope="col">Condition</th>
            <th scope="col">Holds</th>
            <th scope="col">Why</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {worker.status.conditions.map((item) => (
            <tr key={item.type}>
              <th scope="row" class="fw-normal">
                {condition(item.type)}
              </th>
              <td>
                <Badge tone={item.status === "true" ? "success" : item.status === "false" ? "danger" : "secondary"}>
                  {item.status}
                </Badge>
              </td>
              <td>
                {item.message || condition(item.reason)} <span class="small text-body-secondary">{item.reason}</span>
              </td>
              <td>
                <Ago at={item.since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function History({ worker }: { worker: Worker }) {
  return (
    <ul class="list-unstyled">
      {[...worker.status.history].reverse().map((entry) => (
        <li key={`${entry.at}${entry.phase}`} class="d-flex flex-wrap gap-2 py-1 border-bottom">
          <At at={entry.at} seconds />
          <Phase phase={entry.phase} />
          <span>{entry.message || condition(entry.reason)}</span>
        </li>
      ))}
    </ul>
  );
}
