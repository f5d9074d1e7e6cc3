import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Page, Quota } from "../api/types";
import { Card, Empty, Scroll } from "../components/basics";
import { NumberField, SelectField, TextField } from "../components/fields";
import { attempt, failed } from "../components/toasts";
import { words } from "../lib/format";
import { isAdmin } from "../user";

/** Limits of one person or department, where they differ from the settings. */
export function Quotas() {
  const [quotas, setQuotas] = useState<Quota[]>([]);
  const load = () =>
    call<Page<Quota>>("GET", "/api/quotas", { params: { limit: "200" } })
      .then((page) => setQuotas(page.items))
      .catch(failed);
  useEffect(() => void load(), []);
  const remove = async ({ spec }: Quota) => {
    const path = `/api/quotas/${spec.scope}/${encodeURIComponent(spec.subject)}`;
    if (await attempt(`The default holds for ${spec.subject} again.`, () => call("DELETE", path))) await load();
  };
  return (
    <Card title="Quotas">
      {quotas.length === 0 ? (
        <Empty title="No quota differs from the settings" />
      ) : (
        <Scroll label="Quotas">
          <table class="table table-sm">
            <thead>
              <tr>
                <th scope="col">For</th>
                <th scope="col">Sessions at a time</th>
                <th scope="col">In use</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {quotas.map((quota) => (
                <tr key={quota.id}>
                  <td>
                    {words(quota.spec.scope)} {quota.spec.subject}
                  </td>
                  <td>{quota.spec.max_sessions || "no limit"}</td>
                  <td>{quota.used}</td>
                  <td class="text-end">
                    {isAdmin.value && (
                      <button
                        type="button"
                        class="btn btn-sm btn-outline-danger"
                        aria-label={`Remove the quota of ${quota.spec.subject}`}
                        onClick={() => void remove(quota)}
                      >
                        Remove
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {isAdmin.value && <NewQuota onSaved={load} />}
    </Card>
  );
}

function NewQuota({ onSaved }: { onSaved: () => Promise<void> }) {
  const [scope, setScope] = useState("owner");
  const [subject, setSubject] = useState("");
  const [limit, setLimit] = useState(1);
  const submit = async (event: Event) => {
    event.preventDefault();
    const path = `/api/quotas/${scope}/${encodeURIComponent(subject)}`;
    const saved = await attempt(`${subject} may have ${limit || "any number of"} sessions at a time.`, () =>
      call("PUT", path, { body: { max_sessions: limit } }),
    );
    if (!saved) return;
    setSubject("");
    await onSaved();
  };
  return (
    <form class="row g-2 align-items-end" onSubmit={submit}>
      <div class="col-6 col-md-3">
        <SelectField
          label="Scope"
          value={scope}
          set={setScope}
          options={[
            ["owner", "Person"],
            ["department", "Department"],
          ]}
        />
      </div>
      <div class="col-6 col-md-3">
        <TextField label="Name" value={subject} set={setSubject} required maxLength={100} />
      </div>
      <div class="col-6 col-md-3">
        <NumberField label="Sessions (0: no limit)" value={limit} set={setLimit} min={0} max={100_000} />
      </div>
      <div class="col-6 col-md-3 pb-2">
        <button type="submit" class="btn btn-outline-primary">
          Set quota
        </button>
      </div>
    </form>
  );
}
