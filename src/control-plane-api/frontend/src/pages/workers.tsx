import { actOnWorkers, workerActions } from "../actions";
import type { Worker } from "../api/types";
import { Ago, Badge, Bar, Live, PageTitle, Phase } from "../components/basics";
import { DataTable, type CellColumn } from "../components/table";
import { dollars, words } from "../lib/format";
import { metricsOf, workers } from "../live/store";
import { isManager } from "../user";
import { LaunchButton } from "./worker_launch";

const COLUMNS: CellColumn<Worker>[] = [
  {
    key: "name",
    title: "Name",
    always: true,
    value: (w) => w.spec.name,
    cell: (w) => <a href={`/workers/${w.id}`}>{w.spec.name}</a>,
  },
  { key: "phase", title: "Phase", always: true, value: (w) => w.status.phase, cell: (w) => <PhaseCell worker={w} /> },
  { key: "region", title: "Region", value: (w) => w.spec.region, cell: (w) => w.spec.region },
  { key: "type", title: "Type", value: (w) => w.spec.instance_type, cell: (w) => w.spec.instance_type },
  {
    key: "cpu",
    title: "CPU",
    value: (w) => metricsOf(w)?.cpu_percent ?? -1,
    cell: (w) => <Bar label="CPU" value={metricsOf(w)?.cpu_percent} />,
  },
  {
    key: "memory",
    title: "Memory",
    value: (w) => metricsOf(w)?.memory_percent ?? -1,
    cell: (w) => <Bar label="Memory" value={metricsOf(w)?.memory_percent} />,
  },
  { key: "cml", title: "CML", value: (w) => w.status.cml.version, cell: (w) => w.status.cml.version || "–" },
  {
    key: "license",
    title: "License",
    value: (w) => w.status.license.status,
    cell: (w) => words(w.status.license.status),
  },
  { key: "cost", title: "$/h", value: (w) => w.spec.hourly_cost_usd, cell: (w) => dollars(w.spec.hourly_cost_usd) },
  { key: "since", title: "Since", value: (w) => w.status.phase_since, cell: (w) => <Ago at={w.status.phase_since} /> },
];

function PhaseCell({ worker }: { worker: Worker }) {
  return (
    <>
      <Phase phase={worker.status.phase} /> {worker.spec.drain && <Badge tone="warning">drain</Badge>}
      {worker.status.message && <div class="small text-body-secondary reason">{worker.status.message}</div>}
    </>
  );
}

export default function Workers() {
  return (
    <>
      <PageTitle title="Workers">
        <LaunchButton />
      </PageTitle>
      <Live what="worker">
        <DataTable
          name="workers"
          items={workers.list.value}
          idOf={(worker) => worker.id}
          columns={COLUMNS}
          filters={{
            phase: (worker) => worker.status.phase,
            region: (worker) => worker.spec.region,
            template: (worker) => worker.spec.template_name ?? "",
          }}
          searchIn={(w) =>
            `${w.spec.name} ${w.id} ${w.status.instance.instance_id} ${w.spec.region} ${w.status.message}`
          }
          defaultSort="name"
          bulk={
            isManager.value
              ? (selected, clear) =>
                  (["start", "stop", "drain", "refresh"] as const).map((action) => (
                    <button
                      key={action}
                      type="button"
                      class="btn btn-sm btn-outline-primary"
                      disabled={!selected.some((worker) => workerActions(worker).includes(action))}
                      onClick={async () => {
                        if (await actOnWorkers(selected, action)) clear();
                      }}
                    >
                      {words(action)}
                    </button>
                  ))
              : undefined
          }
        />
      </Live>
    </>
  );
}
