import { Ago, Badge, Live, PageTitle } from "../components/basics";
import { DataTable, type CellColumn } from "../components/table";
import type { Controller } from "../api/types";
import { controllers } from "../live/store";

const COLUMNS: CellColumn<Controller>[] = [
  { key: "service", title: "Service", always: true, value: (c) => c.service, cell: (c) => c.service },
  { key: "replica", title: "Replica", value: (c) => c.identity, cell: (c) => <code>{c.identity}</code> },
  {
    key: "state",
    title: "State",
    always: true,
    value: (c) => (c.alive ? "alive" : "silent"),
    cell: (c) => <Badge tone={c.alive ? "success" : "danger"}>{c.alive ? "alive" : "silent"}</Badge>,
  },
  {
    key: "leads",
    title: "Leads shard",
    value: (c) => c.leader_shards.length,
    cell: (c) => c.leader_shards.join(", ") || "–",
  },
  { key: "term", title: "Term", value: (c) => c.term, cell: (c) => c.term },
  { key: "queue", title: "Queue", value: (c) => c.queue_depth, cell: (c) => c.queue_depth },
  { key: "reconciles", title: "Reconciles", value: (c) => c.reconciles_total, cell: (c) => c.reconciles_total },
  { key: "errors", title: "Errors", value: (c) => c.errors_total, cell: (c) => c.errors_total },
  { key: "heard", title: "Heard", value: (c) => c.seen_at, cell: (c) => <Ago at={c.seen_at} /> },
  { key: "recent", title: "Last sentences", value: (c) => c.recent.length, cell: (c) => <Sentences controller={c} /> },
];

function Sentences({ controller }: { controller: Controller }) {
  const { recent } = controller;
  if (recent.length === 0) return <>–</>;
  return (
    <details>
      <summary>{recent.length === 1 ? "1 key" : `${recent.length} keys`}</summary>
      <ul class="list-unstyled small mb-0">
        {recent.map((entry) => (
          <li key={entry.key}>
            <code>{entry.key}</code> {entry.sentence}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Who leads, how deep the queues are, and the last sentence of each key. */
export default function Controllers() {
  return (
    <>
      <PageTitle title="Controllers" />
      <Live what="controller">
        <DataTable
          name="controllers"
          items={[...controllers.value.values()]}
          idOf={(controller) => `${controller.service}/${controller.identity}`}
          columns={COLUMNS}
          filters={{ state: (controller) => (controller.alive ? "alive" : "silent") }}
          searchIn={(c) => `${c.service} ${c.identity} ${c.recent.map((entry) => entry.sentence).join(" ")}`}
          defaultSort="service"
        />
      </Live>
    </>
  );
}
