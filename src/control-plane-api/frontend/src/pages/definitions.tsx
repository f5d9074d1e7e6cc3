import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Artifact, CreateDefinition, Definition } from "../api/types";
import { Ago, Live, PageTitle, Phase } from "../components/basics";
import { Dialog } from "../components/dialogs";
import { DataTable, type CellColumn } from "../components/table";
import { failed, succeeded } from "../components/toasts";
import { bytes } from "../lib/format";
import { definitions } from "../live/store";
import { isAuthor } from "../user";

const COLUMNS: CellColumn<Definition>[] = [
  {
    key: "title",
    title: "Title",
    always: true,
    value: (d) => d.spec.title,
    cell: (d) => <a href={`/definitions/${d.id}`}>{d.spec.title}</a>,
  },
  { key: "name", title: "Name", value: (d) => d.spec.name, cell: (d) => d.spec.name },
  {
    key: "version",
    title: "Version",
    value: (d) => d.spec.semantic_version ?? "",
    cell: (d) => d.spec.semantic_version,
  },
  {
    key: "phase",
    title: "Phase",
    always: true,
    value: (d) => d.status.phase,
    cell: (d) => (
      <>
        <Phase phase={d.status.phase} />
        {d.status.sync.errors?.length ? (
          <div class="small text-danger-emphasis reason">{d.status.sync.errors[0]?.message}</div>
        ) : null}
      </>
    ),
  },
  {
    key: "nodes",
    title: "Nodes",
    value: (d) => d.status.content?.node_count ?? 0,
    cell: (d) => d.status.content?.node_count ?? "–",
  },
  {
    key: "sessions",
    title: "Sessions",
    value: (d) => d.status.sessions_total ?? 0,
    cell: (d) => d.status.sessions_total,
  },
  { key: "created", title: "Created", value: (d) => d.created_at, cell: (d) => <Ago at={d.created_at} /> },
];

export default function Definitions() {
  const [file, setFile] = useState<File | null>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const picked = files?.[0];
    if (!picked) return;
    if (!picked.name.endsWith(".zip")) failed(new Error(`${picked.name} is no content package: choose a .zip file`));
    else setFile(picked);
  };
  return (
    <>
      <PageTitle title="Definitions">
        {isAuthor.value && (
          <label class="btn btn-sm btn-primary mb-0">
            Upload package
            <input
              type="file"
              accept=".zip"
              class="visually-hidden"
              data-testid="package"
              onChange={(event) => take(event.currentTarget.files)}
            />
          </label>
        )}
      </PageTitle>
      {isAuthor.value && (
        <div
          class={`drop ${over ? "drop-over" : ""}`}
          data-testid="drop"
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            take(event.dataTransfer?.files);
          }}
        >
          Drop a content package here (zip with cml.yaml, content.xml, rubric.yaml)
        </div>
      )}
      {file && <DeclareForm file={file} onClose={() => setFile(null)} />}
      <Live what="definition">
        <DataTable
          name="definitions"
          items={definitions.list.value}
          idOf={(definition) => definition.id}
          columns={COLUMNS}
          filters={{ phase: (definition) => definition.status.phase }}
          searchIn={(d) => `${d.spec.title} ${d.spec.name} ${d.spec.form_qualified_name} ${d.id}`}
          defaultSort="title"
        />
      </Live>
    </>
  );
}

function DeclareForm({ file, onClose }: { file: File; onClose: () => void }) {
  const stem = file.name.replace(/\.zip$/, "").replaceAll(/[^A-Za-z0-9_.-]+/g, "-");
  const [title, setTitle] = useState(stem);
  const [name, setName] = useState(stem.toLowerCase());
  const [version, setVersion] = useState("1.0.0");
  const [form, setForm] = useState(`Lab LCM ${stem} LAB 1.0 a`);
  const [graded, setGraded] = useState(true);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const artifact = await call<Artifact>("POST", "/api/artifacts", { file, filename: file.name });
      const body: Partial<CreateDefinition> = {
        name,
        title,
        semantic_version: version,
        form_qualified_name: form,
        graded,
        artifact_id: artifact.id,
      };
      await call("POST", "/api/lablet-definitions", { body });
      succeeded(`${title} is checked now.`);
      onClose();
    } catch (error) {
      failed(error);
      setBusy(false);
    }
  };
  const field = (label: string, value: string, set: (text: string) => void, pattern?: string) => (
    <label class="form-label w-100">
      {label}
      <input
        class="form-control"
        required
        pattern={pattern}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <Dialog title="New definition" onClose={onClose}>
      <form onSubmit={submit}>
        <p class="small text-body-secondary">
          {file.name}, {bytes(file.size)}
        </p>
        {field("Title", title, setTitle)}
        {field("Name", name, setName, "[A-Za-z0-9][A-Za-z0-9_.:\\-]*")}
        {field("Version", version, setVersion, "\\d+\\.\\d+\\.\\d+")}
        {field("Form qualified name (six words)", form, setForm, "\\S+( \\S+){5}")}
        <label class="form-check mb-3">
          <input
            type="checkbox"
            class="form-check-input"
            checked={graded}
            onChange={(event) => setGraded(event.currentTarget.checked)}
          />{" "}
          Graded
        </label>
        <div class="text-end">
          <button type="submit" class="btn btn-primary" disabled={busy}>
            {busy ? "Uploading…" : "Create"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
