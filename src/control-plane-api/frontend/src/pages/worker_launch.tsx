import { useState } from "preact/hooks";
import { call } from "../api/client";
import { Dialog } from "../components/dialogs";
import { attempt } from "../components/toasts";
import { dollars, memory } from "../lib/format";
import { templates } from "../live/store";
import { isAdmin } from "../user";

/** Launch a worker from a template, or import an instance. */
export function LaunchButton() {
  const [open, setOpen] = useState<"" | "launch" | "import">("");
  if (!isAdmin.value) return null;
  return (
    <>
      <button type="button" class="btn btn-sm btn-outline-primary" onClick={() => setOpen("import")}>
        Import
      </button>
      <button type="button" class="btn btn-sm btn-primary" onClick={() => setOpen("launch")}>
        Launch worker
      </button>
      {open && <LaunchForm kind={open} onClose={() => setOpen("")} />}
    </>
  );
}

function LaunchForm({ kind, onClose }: { kind: "launch" | "import"; onClose: () => void }) {
  const usable = templates.list.value.filter((template) => template.spec.enabled);
  const [picked, setPicked] = useState("");
  const templateId = picked || usable[0]?.id || "";
  const template = usable.find((candidate) => candidate.id === templateId);
  const [region, setRegion] = useState("");
  const [name, setName] = useState("");
  const [instance, setInstance] = useState("");
  const chosen = region || template?.spec.regions?.[0] || "";
  const submit = async (event: Event) => {
    event.preventDefault();
    const common = { template_id: templateId, region: chosen, name };
    const ok =
      kind === "launch"
        ? await attempt("The worker will be launched.", () => call("POST", "/api/workers", { body: common }))
        : await attempt("The instance will be taken over.", () =>
            call("POST", "/api/workers:import", { body: { ...common, instance_id: instance } }),
          );
    if (ok) onClose();
  };
  return (
    <Dialog title={kind === "launch" ? "Launch a worker" : "Import an instance"} onClose={onClose}>
      <form onSubmit={submit}>
        {kind === "import" && (
          <label class="form-label w-100">
            EC2 instance id
            <input
              class="form-control"
              required
              pattern="i-[0-9a-f]{8,17}"
              placeholder="i-0123456789abcdef0"
              value={instance}
              onInput={(event) => setInstance(event.currentTarget.value)}
            />
          </label>
        )}
        <label class="form-label w-100">
          Template
          <select class="form-select" value={templateId} onChange={(event) => setPicked(event.currentTarget.value)}>
            {usable.map((candidate) => (
              <option key={candidate.id} value={candidate.id}>
                {candidate.spec.name} ({candidate.spec.instance_type}, {dollars(candidate.spec.hourly_cost_usd)}/h)
              </option>
            ))}
          </select>
        </label>
        {template && (
          <p class="small text-body-secondary">
            {template.spec.capacity.cores} cores, {memory(template.spec.capacity.memory_mb ?? 0)}, up to{" "}
            {template.spec.capacity.nodes} nodes
          </p>
        )}
        <label class="form-label w-100">
          Region
          <select class="form-select" value={chosen} onChange={(event) => setRegion(event.currentTarget.value)}>
            {(template?.spec.regions ?? []).map((candidate) => (
              <option key={candidate}>{candidate}</option>
            ))}
          </select>
        </label>
        <label class="form-label w-100">
          Name (optional)
          <input
            class="form-control"
            maxLength={60}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <div class="text-end">
          <button type="submit" class="btn btn-primary" disabled={!templateId}>
            {kind === "launch" ? "Launch" : "Import"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
