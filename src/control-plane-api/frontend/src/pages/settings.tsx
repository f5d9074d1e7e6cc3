import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { DynamicSettings, Settings } from "../api/types";
import { Ago, Card, Live, PageTitle } from "../components/basics";
import { NumberField } from "../components/fields";
import { attempt } from "../components/toasts";
import { settings } from "../live/store";
import { isAdmin } from "../user";
import { Quotas } from "./quotas";

type Field = readonly [label: string, help: string, min: number, max: number];

/** Every setting has its line here: the compiler insists. */
const FIELDS: Record<keyof DynamicSettings, Field> = {
  quota_sessions_per_owner: [
    "Sessions per person",
    "At a time; 0 means no limit. A quota below goes first.",
    0,
    100_000,
  ],
  quota_sessions_per_department: ["Sessions per department", "At a time; 0 means no limit.", 0, 100_000],
  worker_metrics_poll_interval: ["Metrics every (seconds)", "How often the workers are asked.", 30, 86_400],
  worker_status_minutes: ["Worker status every (minutes)", "How often EC2 and CML are compared with it.", 1, 1440],
  labs_refresh_minutes: ["Labs every (minutes)", "How often the labs of each worker are listed.", 1, 1440],
  content_sync_minutes: ["Content every (minutes)", "How often the buckets are searched for new packages.", 1, 10080],
  worker_retention_days: ["Keep ended workers (days)", "Then their record is removed.", 1, 366],
  inbound_retention_days: ["Keep inbound events (days)", "What LDS and the grading engine told.", 1, 366],
};

export default function SettingsPage() {
  const known = settings.list.value[0];
  return (
    <>
      <PageTitle title="Settings" />
      <Live what="settings">{known && <Form known={known} key={known.version} />}</Live>
      {isAdmin.value && <TellEverybody />}
      <Quotas />
    </>
  );
}

function TellEverybody() {
  const [message, setMessage] = useState("");
  const [severity, setSeverity] = useState("info");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await attempt("Everybody was told.", () => call("POST", "/api/notices", { body: { message, severity } }))) {
      setMessage("");
    }
  };
  return (
    <Card title="Tell everybody">
      <form class="row g-2" onSubmit={submit}>
        <div class="col-12 col-md">
          <label class="form-label" for="notice">
            Message, shown at once at every console
          </label>
          <input
            id="notice"
            class="form-control"
            required
            maxLength={500}
            value={message}
            onInput={(event) => setMessage(event.currentTarget.value)}
          />
        </div>
        <div class="col-auto">
          <label class="form-label" for="notice-severity">
            Severity
          </label>
          <select
            id="notice-severity"
            class="form-select"
            value={severity}
            onChange={(event) => setSeverity(event.currentTarget.value)}
          >
            {["info", "warning", "critical"].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
        <div class="col-auto align-self-end">
          <button class="btn btn-primary" type="submit">
            Tell
          </button>
        </div>
      </form>
    </Card>
  );
}

function Form({ known }: { known: Settings }) {
  const [spec, setSpec] = useState<DynamicSettings>(known.spec);
  const changed = JSON.stringify(spec) !== JSON.stringify(known.spec);
  const submit = async (event: Event) => {
    event.preventDefault();
    await attempt("The settings take effect within seconds.", () =>
      call("PUT", "/api/settings", { body: spec, version: known.version }),
    );
  };
  return (
    <Card
      title="Dynamic settings"
      actions={
        <span class="small text-body-secondary">
          version {known.version}, changed <Ago at={known.updated_at} />
        </span>
      }
    >
      <form onSubmit={submit}>
        <div class="row g-3">
          {(Object.keys(FIELDS) as (keyof DynamicSettings)[]).map((key) => {
            const [label, help, min, max] = FIELDS[key];
            return (
              <div class="col-12 col-md-6 col-xl-4" key={key}>
                <NumberField
                  label={label}
                  help={help}
                  min={min}
                  max={max}
                  value={spec[key]}
                  set={(value) => setSpec({ ...spec, [key]: value })}
                  disabled={!isAdmin.value}
                />
              </div>
            );
          })}
        </div>
        {isAdmin.value && (
          <div class="text-end">
            <button type="submit" class="btn btn-primary" disabled={!changed}>
              Save
            </button>
          </div>
        )}
      </form>
    </Card>
  );
}
