import { actOnLab, bindLab, importLab } from "../actions";
import type { LabRecord, Worker } from "../api/types";
import { Ago, Badge, Phase } from "../components/basics";
import { DataTable, type CellColumn } from "../components/table";
import { words } from "../lib/format";
import { labRecords, sessions, workers } from "../live/store";
import { isManager } from "../user";

const LAB_COLUMNS: CellColumn<LabRecord>[] = [
  { key: "title", title: "Lab", always: true, value: (r) => r.spec.title ?? "", cell: (r) => <LabTitle record={r} /> },
  {
    key: "phase",
    title: "State",
    always: true,
    value: (r) => r.status.phase,
    cell: (r) => <Phase phase={r.status.phase} />,
  },
  { key: "nodes", title: "Nodes", value: (r) => r.status.node_count ?? 0, cell: (r) => r.status.node_count },
  {
    key: "owner",
    title: "Owner",
    value: (r) => r.spec.session_id ?? "",
    cell: (r) =>
      r.spec.session_id ? <a href={`/sessions/${r.spec.session_id}`}>session</a> : <Badge tone="warning">nobody</Badge>,
  },
  { key: "source", title: "Source", value: (r) => r.spec.source, cell: (r) => words(r.spec.source) },
  {
    key: "seen",
    title: "Seen",
    value: (r) => r.status.last_seen_at ?? "",
    cell: (r) => <Ago at={r.status.last_seen_at} />,
  },
  { key: "actions", title: "Actions", always: true, value: () => "", cell: (r) => <LabActions record={r} /> },
];

/** The title leads to the lab in CML itself, which asks for a sign-in of its own. */
function LabTitle({ record }: { record: LabRecord }) {
  const endpoint = workers.get(record.spec.worker_id)?.status.endpoint;
  const title = record.spec.title || record.spec.cml_lab_id;
  if (!endpoint) return <>{title}</>;
  return (
    <a href={`${endpoint}/lab/${record.spec.cml_lab_id}`} target="_blank" rel="noreferrer" title="Open in CML">
      {title}
    </a>
  );
}

function LabActions({ record }: { record: LabRecord }) {
  if (!isManager.value) return null;
  if (record.spec.pending_action) return <span class="small">{words(record.spec.pending_action)} asked for…</span>;
  return (
    <div class="btn-group btn-group-sm" role="group" aria-label={`Actions of ${record.spec.title}`}>
      {["start", "stop", "wipe", "export", "clone", "delete"].map((action) => (
        <button
          type="button"
          class="btn btn-outline-secondary"
          key={action}
          onClick={() => void actOnLab(record, action)}
        >
          {words(action)}
        </button>
      ))}
      <BindTo record={record} />
      {record.status.export_artifact_id && (
        <a class="btn btn-outline-secondary" href={`/api/lab-records/${record.id}/export`} download>
          Download
        </a>
      )}
    </div>
  );
}

/** The sessions that wait on the lab's worker and could use it. */
function BindTo({ record }: { record: LabRecord }) {
  if (record.spec.session_id || record.spec.source === "pool") return null;
  const waiting = sessions.list.value.filter(
    ({ status }) =>
      status.phase === "scheduled" && !status.lab && status.placement?.worker_id === record.spec.worker_id,
  );
  if (waiting.length === 0) return null;
  return (
    <select
      class="form-select form-select-sm w-auto"
      aria-label={`Give ${record.spec.title} to a session`}
      value=""
      onChange={(event) => {
        const chosen = waiting.find((session) => session.id === event.currentTarget.value);
        event.currentTarget.value = "";
        if (chosen) void bindLab(record, chosen);
      }}
    >
      <option value="">Give to…</option>
      {waiting.map((session) => (
        <option key={session.id} value={session.id}>
          {session.spec.owner}: {session.spec.definition_title || session.spec.definition_name}
        </option>
      ))}
    </select>
  );
}

function ImportLab({ worker }: { worker: Worker }) {
  if (!isManager.value || worker.status.phase !== "running") return null;
  return (
    <label class="btn btn-sm btn-outline-primary mb-2">
      Import a topology
      <input
        type="file"
        class="visually-hidden"
        accept=".yaml,.yml,.json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) void importLab(worker, file);
        }}
      />
    </label>
  );
}

/** The labs on a worker: those of sessions, of the pool, and those nobody owns. */
export function WorkerLabs({ worker }: { worker: Worker }) {
  const records = labRecords.list.value.filter(
    (record) => record.spec.worker_id === worker.id && record.status.phase !== "deleted",
  );
  return (
    <>
      <ImportLab worker={worker} />
      <DataTable
        name="labs"
        items={records}
        idOf={(record) => record.id}
        columns={LAB_COLUMNS}
        filters={{ state: (record) => record.status.phase }}
        searchIn={(record) => `${record.spec.title} ${record.spec.cml_lab_id} ${record.spec.session_id}`}
        defaultSort="title"
      />
    </>
  );
}
