import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Template, TemplateSpec } from "../api/types";
import { Dialog } from "../components/dialogs";
import { Check, NumberField, SelectField, TextField } from "../components/fields";
import { attempt } from "../components/toasts";

const BLANK: TemplateSpec = {
  name: "",
  description: "",
  instance_type: "",
  capacity: { cores: 16, memory_mb: 32_768, storage_gb: 100, nodes: 40 },
  license_type: "enterprise",
  ami_pattern: "cml-*",
  regions: ["us-east-1"],
  port_range: { low: 2000, high: 7999 },
  hourly_cost_usd: 1,
  boot_minutes: 10,
  drain_timeout_minutes: 240,
  idle_timeout_minutes: 30,
  max_workers_per_region: 10,
  min_warm_workers: 0,
  nested_virtualization: false,
  detailed_monitoring: false,
  enabled: true,
};
const MIB_PER_GIB = 1024;

/** Define or revise a template; workers keep what they were launched with. */
export function TemplateForm({ known, onClose }: { known: Template | null; onClose: () => void }) {
  const [spec, setSpec] = useState<TemplateSpec>(known?.spec ?? BLANK);
  const change = (part: Partial<TemplateSpec>) => setSpec({ ...spec, ...part });
  const size = (part: Partial<TemplateSpec["capacity"]>) => change({ capacity: { ...spec.capacity, ...part } });
  const submit = async (event: Event) => {
    event.preventDefault();
    const body = { ...spec, regions: spec.regions.filter(Boolean) };
    const saved = await attempt(`Template ${spec.name} is saved.`, () =>
      known
        ? call("PUT", `/api/worker-templates/${known.id}`, { body, version: known.version })
        : call("POST", "/api/worker-templates", { body }),
    );
    if (saved) onClose();
  };
  const numbers: [string, number, (value: number) => void, number, number | "any"][] = [
    ["Cores", spec.capacity.cores, (cores) => size({ cores }), 1, 1],
    ["Memory (GiB)", spec.capacity.memory_mb / MIB_PER_GIB, (gib) => size({ memory_mb: gib * MIB_PER_GIB }), 1, 1],
    ["Storage (GiB)", spec.capacity.storage_gb, (storage_gb) => size({ storage_gb }), 1, 1],
    ["Nodes", spec.capacity.nodes, (nodes) => size({ nodes }), 1, 1],
    ["Dollars per hour", spec.hourly_cost_usd, (hourly_cost_usd) => change({ hourly_cost_usd }), 0, "any"],
    ["Boot (minutes)", spec.boot_minutes, (boot_minutes) => change({ boot_minutes }), 0, 1],
    ["Drain at most (minutes)", spec.drain_timeout_minutes, (value) => change({ drain_timeout_minutes: value }), 1, 1],
    [
      "Pause when idle for (minutes)",
      spec.idle_timeout_minutes,
      (value) => change({ idle_timeout_minutes: value }),
      0,
      1,
    ],
    [
      "Workers per region, at most",
      spec.max_workers_per_region,
      (value) => change({ max_workers_per_region: value }),
      0,
      1,
    ],
    ["Workers kept warm", spec.min_warm_workers, (value) => change({ min_warm_workers: value }), 0, 1],
  ];
  return (
    <Dialog title={known ? `Template ${known.spec.name}` : "New template"} onClose={onClose} wide>
      <form onSubmit={submit}>
        <div class="row g-2">
          <div class="col-12 col-md-6">
            <TextField
              label="Name"
              value={spec.name}
              set={(name) => change({ name })}
              required
              disabled={known !== null}
            />
          </div>
          <div class="col-12 col-md-6">
            <TextField
              label="Instance type"
              value={spec.instance_type}
              set={(instance_type) => change({ instance_type })}
              required
            />
          </div>
          <div class="col-12 col-md-6">
            <TextField
              label="Image name pattern"
              value={spec.ami_pattern}
              set={(ami_pattern) => change({ ami_pattern })}
            />
          </div>
          <div class="col-12 col-md-6">
            <TextField
              label="Regions (separated by spaces)"
              value={spec.regions.join(" ")}
              set={(text) => change({ regions: text.split(/\s+/) })}
              required
            />
          </div>
          {numbers.map(([label, value, set, least, step]) => (
            <div class="col-6 col-md-3" key={label}>
              <NumberField label={label} value={value} set={set} min={least} step={step} />
            </div>
          ))}
          <div class="col-6 col-md-3">
            <SelectField
              label="License"
              value={spec.license_type}
              set={(license_type) => change({ license_type: license_type as TemplateSpec["license_type"] })}
              options={[
                ["personal", "Personal"],
                ["enterprise", "Enterprise"],
                ["evaluation", "Evaluation"],
              ]}
            />
          </div>
        </div>
        <Check
          label="Nested virtualization"
          value={spec.nested_virtualization}
          set={(on) => change({ nested_virtualization: on })}
        />
        <Check
          label="Detailed monitoring"
          value={spec.detailed_monitoring}
          set={(on) => change({ detailed_monitoring: on })}
        />
        <Check label="Enabled" value={spec.enabled} set={(enabled) => change({ enabled })} />
        <div class="text-end">
          <button type="submit" class="btn btn-primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
