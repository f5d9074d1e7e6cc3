import { useState } from "preact/hooks";
import type { Template } from "../api/types";
import { Ago, Badge, Live, PageTitle } from "../components/basics";
import { DataTable, type CellColumn } from "../components/table";
import { dollars, memory, words } from "../lib/format";
import { templates } from "../live/store";
import { isAdmin } from "../user";
import { TemplateForm } from "./template_form";

const COLUMNS: CellColumn<Template>[] = [
  { key: "name", title: "Name", always: true, value: (t) => t.spec.name, cell: (t) => t.spec.name },
  { key: "type", title: "Type", always: true, value: (t) => t.spec.instance_type, cell: (t) => t.spec.instance_type },
  {
    key: "capacity",
    title: "Capacity",
    value: (t) => t.spec.capacity.cores ?? 0,
    cell: (t) =>
      `${t.spec.capacity.cores} cores, ${memory(t.spec.capacity.memory_mb ?? 0)}, ${t.spec.capacity.nodes} nodes`,
  },
  {
    key: "license",
    title: "License",
    value: (t) => t.spec.license_type ?? "",
    cell: (t) => words(t.spec.license_type ?? ""),
  },
  {
    key: "regions",
    title: "Regions",
    value: (t) => t.spec.regions.join(","),
    cell: (t) => t.spec.regions.join(", "),
  },
  { key: "cost", title: "$/h", value: (t) => t.spec.hourly_cost_usd, cell: (t) => dollars(t.spec.hourly_cost_usd) },
  {
    key: "state",
    title: "State",
    always: true,
    value: (t) => (t.spec.enabled ? "enabled" : "disabled"),
    cell: (t) =>
      t.status.blocked_until ? (
        <Badge tone="danger" title={t.status.message}>
          blocked <Ago at={t.status.blocked_until} />
        </Badge>
      ) : (
        <Badge tone={t.spec.enabled ? "success" : "secondary"}>{t.spec.enabled ? "enabled" : "disabled"}</Badge>
      ),
  },
];

export default function Templates() {
  const [edited, setEdited] = useState<Template | "new" | null>(null);
  const actions: CellColumn<Template> = {
    key: "actions",
    title: "Actions",
    always: true,
    value: () => "",
    cell: (template) => (
      <button type="button" class="btn btn-sm btn-outline-primary" onClick={() => setEdited(template)}>
        Edit
      </button>
    ),
  };
  return (
    <>
      <PageTitle title="Worker templates">
        {isAdmin.value && (
          <button type="button" class="btn btn-sm btn-primary" onClick={() => setEdited("new")}>
            New template
          </button>
        )}
      </PageTitle>
      {edited && <TemplateForm known={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
      <Live what="template">
        <DataTable
          name="templates"
          items={templates.list.value}
          idOf={(template) => template.id}
          columns={isAdmin.value ? [...COLUMNS, actions] : COLUMNS}
          searchIn={(t) => `${t.spec.name} ${t.spec.instance_type} ${t.spec.regions.join(" ")}`}
          defaultSort="name"
        />
      </Live>
    </>
  );
}
