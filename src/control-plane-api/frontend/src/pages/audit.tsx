import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { AuditEntry } from "../api/types";
import { At, Badge, PageTitle } from "../components/basics";
import { Fetched } from "../components/fetched";

export default function Audit() {
  const { query, route } = useLocation();
  const [actor, setActor] = useState(query.actor ?? "");
  const [target, setTarget] = useState(query.target_id ?? "");
  const [result, setResult] = useState(query.result ?? "");
  const params: Record<string, string> = { limit: "100" };
  for (const key of ["actor", "target_id", "result"]) if (query[key]) params[key] = query[key];
  const search = (event: Event) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    if (actor) wanted.set("actor", actor);
    if (target) wanted.set("target_id", target);
    if (result) wanted.set("result", result);
    route(`/audit?${wanted}`);
  };
  return (
    <>
      <PageTitle title="Audit trail" />
      <form class="row g-2 mb-3" onSubmit={search}>
        <div class="col-6 col-md-3">
          <input
            class="form-control form-control-sm"
            placeholder="Actor"
            aria-label="Actor"
            value={actor}
            onInput={(event) => setActor(event.currentTarget.value)}
          />
        </div>
        <div class="col-6 col-md-4">
          <input
            class="form-control form-control-sm"
            placeholder="Object id"
            aria-label="Object id"
            value={target}
            onInput={(event) => setTarget(event.currentTarget.value)}
          />
        </div>
        <div class="col-6 col-md-3">
          <select
            class="form-select form-select-sm"
            aria-label="Result"
            value={result}
            onChange={(event) => setResult(event.currentTarget.value)}
          >
            <option value="">All results</option>
            <option value="accepted">Accepted</option>
            <option value="denied">Denied</option>
          </select>
        </div>
        <div class="col-6 col-md-2">
          <button type="submit" class="btn btn-sm btn-primary w-100">
            Search
          </button>
        </div>
      </form>
      <Fetched<AuditEntry>
        path="/api/audit"
        params={params}
        name="entries"
        headings={["When", "Who", "Did", "To", "Result", "Why"]}
        row={(entry) => (
          <tr key={entry.id}>
            <td class="text-nowrap">
              <At at={entry.at} seconds />
            </td>
            <td>{entry.actor}</td>
            <td>{entry.command}</td>
            <td class="text-break">{entry.target_id ? `${entry.target_kind} ${entry.target_id}` : "–"}</td>
            <td>
              <Badge tone={entry.result === "denied" ? "danger" : "success"}>{entry.result}</Badge>
            </td>
            <td>{entry.reason}</td>
          </tr>
        )}
      />
    </>
  );
}
