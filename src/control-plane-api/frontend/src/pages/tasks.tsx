import { useState } from "preact/hooks";
import { closeTask } from "../actions";
import { call } from "../api/client";
import type { Task } from "../api/types";
import { Ago, Badge, Live, PageTitle, Phase } from "../components/basics";
import { Dialog } from "../components/dialogs";
import { DataTable, type CellColumn } from "../components/table";
import { attempt } from "../components/toasts";
import type { Tone } from "../lib/phases";
import { tasks } from "../live/store";
import { isManager } from "../user";

const TONES: Record<string, Tone> = { critical: "danger", warning: "warning", info: "info" };

const COLUMNS: CellColumn<Task>[] = [
  {
    key: "title",
    title: "Task",
    always: true,
    value: (t) => t.spec.title,
    cell: (t) => (
      <>
        {t.spec.title}
        <div class="small text-body-secondary reason">{t.spec.description}</div>
      </>
    ),
  },
  {
    key: "severity",
    title: "Severity",
    always: true,
    value: (t) => ["critical", "warning", "info"].indexOf(t.spec.severity ?? "info"),
    cell: (t) => <Badge tone={TONES[t.spec.severity ?? "info"] ?? "info"}>{t.spec.severity}</Badge>,
  },
  {
    key: "state",
    title: "State",
    value: (t) => t.status.phase ?? "open",
    cell: (t) => <Phase phase={t.status.phase ?? "open"} />,
  },
  { key: "assignee", title: "Assignee", value: (t) => t.spec.assignee ?? "", cell: (t) => t.spec.assignee || "–" },
  { key: "target", title: "About", value: (t) => t.spec.target_id ?? "", cell: (t) => <Target task={t} /> },
  { key: "opened", title: "Opened", value: (t) => t.created_at, cell: (t) => <Ago at={t.created_at} /> },
  {
    key: "actions",
    title: "",
    always: true,
    value: () => "",
    cell: (t) =>
      t.status.phase === "open" && (
        <button type="button" class="btn btn-sm btn-outline-success" onClick={() => void closeTask(t)}>
          Done
        </button>
      ),
  },
];

function Target({ task }: { task: Task }) {
  const pages: Record<string, string> = { worker: "workers", session: "sessions", definition: "definitions" };
  const page = pages[task.spec.target_kind ?? ""];
  return page && task.spec.target_id ? <a href={`/${page}/${task.spec.target_id}`}>{task.spec.target_kind}</a> : <>–</>;
}

export default function Tasks() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <PageTitle title="Tasks">
        {isManager.value && (
          <button type="button" class="btn btn-sm btn-primary" onClick={() => setOpen(true)}>
            New task
          </button>
        )}
      </PageTitle>
      {open && <TaskForm onClose={() => setOpen(false)} />}
      <Live what="task">
        <DataTable
          name="tasks"
          items={tasks.list.value}
          idOf={(task) => task.id}
          columns={COLUMNS}
          filters={{ state: (task) => task.status.phase ?? "open", severity: (task) => task.spec.severity ?? "info" }}
          searchIn={(t) => `${t.id} ${t.spec.title} ${t.spec.description} ${t.spec.assignee} ${t.spec.target_id}`}
          defaultSort="-opened"
        />
      </Live>
    </>
  );
}

function TaskForm({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [severity, setSeverity] = useState("info");
  const [assignee, setAssignee] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (
      await attempt("The task is open.", () =>
        call("POST", "/api/tasks", { body: { title, description, severity, assignee } }),
      )
    )
      onClose();
  };
  return (
    <Dialog title="New task" onClose={onClose}>
      <form onSubmit={submit}>
        <label class="form-label w-100">
          Title
          <input
            class="form-control"
            required
            maxLength={200}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <label class="form-label w-100">
          Description
          <textarea
            class="form-control"
            rows={3}
            value={description}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
        </label>
        <label class="form-label w-100">
          Severity
          <select class="form-select" value={severity} onChange={(event) => setSeverity(event.currentTarget.value)}>
            <option value="info">Info</option>
            <option value="warning">Warning</option>
            <option value="critical">Critical</option>
          </select>
        </label>
        <label class="form-label w-100">
          For (user name)
          <input class="form-control" value={assignee} onInput={(event) => setAssignee(event.currentTarget.value)} />
        </label>
        <div class="text-end">
          <button type="submit" class="btn btn-primary">
            Open task
          </button>
        </div>
      </form>
    </Dialog>
  );
}
