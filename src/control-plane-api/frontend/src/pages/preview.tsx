import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Preview } from "../api/types";
import { Ago, At, Badge, Card, Empty, Facts, Live, PageTitle } from "../components/basics";
import { SelectField } from "../components/fields";
import { Rejections } from "../components/rejections";
import { failed } from "../components/toasts";
import { useWhen, wanted, WhenFields } from "../components/when";
import { dollars, words } from "../lib/format";
import type { Tone } from "../lib/phases";
import { reservable } from "../live/store";
import { ReserveButton } from "./reserve";

const TONES: Record<string, Tone> = { placed: "success", launched: "info", refused: "danger" };

/** What would happen to a session, without reserving anything. */
export default function PreviewPage() {
  return (
    <>
      <PageTitle title="Placement preview" />
      <Live what="definition">
        <Content />
      </Live>
    </>
  );
}

function Content() {
  const { query } = useLocation();
  const usable = reservable.value;
  const [picked, setPicked] = useState(query.definition ?? "");
  const chosen = picked || usable[0]?.id || "";
  const [when, changeWhen] = useWhen();
  const [found, setFound] = useState<Preview | null>(null);
  const [busy, setBusy] = useState(false);
  const definition = usable.find((candidate) => candidate.id === chosen);
  if (usable.length === 0) return <Empty title="A preview needs an active definition" />;

  const ask = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { definition_id: chosen, ...wanted(when) };
      setFound(await call<Preview>("POST", "/api/placement/preview", { body }));
    } catch (error) {
      setFound(null);
      failed(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="row g-3">
      <div class="col-12 col-lg-4">
        <Card title="What if somebody reserved">
          <form onSubmit={ask}>
            <SelectField
              label="Lab"
              value={chosen}
              set={setPicked}
              options={usable.map((one) => [one.id, `${one.spec.title} (${one.spec.semantic_version})`])}
            />
            <WhenFields when={when} change={changeWhen} longest={definition?.spec.max_duration_minutes ?? 240} />
            <button type="submit" class="btn btn-primary" disabled={busy}>
              Show what would happen
            </button>
          </form>
        </Card>
      </div>
      <div class="col-12 col-lg-8" aria-live="polite">
        {found ? <Outlook found={found} definitionId={chosen} /> : <Empty title="Choose a lab and a time" />}
      </div>
    </div>
  );
}

function Outlook({ found, definitionId }: { found: Preview; definitionId: string }) {
  return (
    <Card
      title="Outlook"
      actions={found.outlook !== "refused" ? <ReserveButton definitionId={definitionId} /> : undefined}
    >
      <div data-testid="outlook">
        <p>
          <Badge tone={TONES[found.outlook] ?? "secondary"}>{words(found.outlook)}</Badge> {found.message}
        </p>
        <Facts
          rows={[
            ["Worker", found.worker_id ? <a href={`/workers/${found.worker_id}`}>{found.worker_name}</a> : "a new one"],
            ["Start", <At at={found.start} />],
            ["End", <At at={found.end} />],
            ["Launch of the worker", found.launch_at ? <Ago at={found.launch_at} /> : "–"],
            ["Cost of the worker", `${dollars(found.hourly_cost_usd)}/h`],
          ]}
        />
        {found.rejections.length > 0 && (
          <>
            <h3 class="h6 mt-3">Why not on the other workers ({found.rejected_total})</h3>
            <Rejections rejections={found.rejections} />
          </>
        )}
      </div>
    </Card>
  );
}
