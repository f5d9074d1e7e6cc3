import { useRoute } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { actOnSession, extendSession, launch, retryable, retryFrom, sessionActions } from "../actions";
import { call } from "../api/client";
import type { ScoreReport, Session } from "../api/types";
import { Ago, At, Badge, Card, Empty, Facts, Live, PageTitle, Phase } from "../components/basics";
import { Rejections } from "../components/rejections";
import { Countdown, PipelineLog, Tracker } from "../components/session_parts";
import { failed } from "../components/toasts";
import { sessionCost } from "../lib/attention";
import { condition, dollars, memory, words } from "../lib/format";
import { slotOf } from "../lib/phases";
import { now } from "../lib/time";
import { sessions } from "../live/store";
import { isManager } from "../user";

export default function SessionPage() {
  const { params } = useRoute();
  return (
    <Live what="session">
      <Details session={sessions.get(params.id ?? "")} id={params.id ?? ""} />
    </Live>
  );
}

function Details({ session, id }: { session: Session | undefined; id: string }) {
  if (!session) {
    return (
      <Empty title={`There is no session ${id}, or it is not yours to see`} page>
        <a href="/sessions">All sessions</a>
      </Empty>
    );
  }
  const { spec, status } = session;
  const slot = slotOf(session);
  const extendable = ["scheduled", "ready", "running", "stopped", "instantiating"].includes(status.phase);
  const cost = sessionCost(session, now.value);
  return (
    <>
      <PageTitle
        title={
          <>
            {spec.definition_title || spec.definition_name} <Phase phase={status.phase} />
          </>
        }
      >
        {status.launch_available && ["ready", "running"].includes(status.phase) && (
          <button type="button" class="btn btn-sm btn-success" onClick={() => void launch(session)}>
            Launch
          </button>
        )}
        {extendable && (
          <button type="button" class="btn btn-sm btn-outline-primary" onClick={() => void extendSession(session, 30)}>
            +30 min
          </button>
        )}
        {sessionActions(session, isManager.value).map((action) => (
          <button
            key={action}
            type="button"
            class={`btn btn-sm ${action === "cancel" ? "btn-outline-danger" : "btn-outline-primary"}`}
            onClick={() => void actOnSession(session, action)}
          >
            {action === "cancel" ? "End" : words(action)}
          </button>
        ))}
      </PageTitle>
      <Card title="Where it is" actions={<Countdown session={session} />}>
        <Tracker session={session} />
      </Card>
      {status.phase === "pending" && status.explanation && <Waiting session={session} />}
      {status.score && <Score session={session} />}
      <Card title="Pipeline">
        <PipelineLog
          session={session}
          onRetry={
            isManager.value && retryable(session) && status.pipeline?.name === "instantiate"
              ? (step) => void retryFrom(session, step)
              : undefined
          }
        />
      </Card>
      <Card title="Details">
        <Facts
          rows={[
            ["Id", session.id],
            [
              "Definition",
              <a href={`/definitions/${spec.definition_id}`}>{`${spec.definition_name} ${spec.definition_version}`}</a>,
            ],
            ["Owner", spec.owner_name || spec.owner],
            ["Department", spec.department],
            ["Reservation", spec.reservation_id],
            ["Priority", String(spec.priority ?? 0)],
            ["Start", <At at={slot.start} />],
            ["End", <At at={slot.end} />],
            [
              "Worker",
              status.placement ? (
                <a href={`/workers/${status.placement.worker_id}`}>
                  {status.placement.worker_name || status.placement.worker_id}
                </a>
              ) : (
                "–"
              ),
            ],
            ["CML lab", status.lab?.cml_lab_id],
            [
              "Needs",
              `${spec.requirements.cores} cores, ${memory(spec.requirements.memory_mb ?? 0)}, ${spec.requirements.nodes} nodes`,
            ],
            [
              "Ports",
              Object.entries(status.placement?.ports ?? {})
                .map(([name, port]) => `${name}: ${port}`)
                .join(", "),
            ],
            ["Outcome", status.outcome ? words(status.outcome) : "–"],
            ["Cost so far", dollars(cost.soFar)],
            ["Cost at the end of the slot", dollars(cost.forecast)],
            ["Created", <Ago at={session.created_at} />],
            ["Note", spec.note],
          ]}
        />
      </Card>
      <Card title="History">
        <ul class="list-unstyled mb-0">
          {[...status.history].reverse().map((entry) => (
            <li key={`${entry.at}${entry.phase}`} class="d-flex flex-wrap gap-2 py-1 border-bottom">
              <At at={entry.at} seconds />
              <Phase phase={entry.phase} />
              <span class="text-break">{entry.message || condition(entry.reason)}</span>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

function Waiting({ session }: { session: Session }) {
  const explanation = session.status.explanation!;
  return (
    <Card title="Why it waits">
      <p>{explanation.message}</p>
      {explanation.expected_start && (
        <p class="mb-2">
          Expected to start <At at={explanation.expected_start} /> (<Ago at={explanation.expected_start} />)
        </p>
      )}
      {explanation.rejections.length > 0 && <Rejections rejections={explanation.rejections} />}
    </Card>
  );
}

function Score({ session }: { session: Session }) {
  const summary = session.status.score!;
  const [report, setReport] = useState<ScoreReport | null>(null);
  useEffect(() => {
    call<ScoreReport>("GET", `/api/lablet-sessions/${session.id}/score-report`).then(setReport).catch(failed);
  }, [summary.score_report_id]);
  return (
    <Card
      title={`Score ${summary.score} of ${summary.max_score}`}
      actions={<Badge tone={summary.passed ? "success" : "danger"}>{summary.passed ? "passed" : "not passed"}</Badge>}
    >
      <div data-testid="score">
        <p class="small text-body-secondary">Cut score {summary.cut_score} %</p>
        {(report?.sections ?? []).map((section) => (
          <details key={section.name} open={!section.passed}>
            <summary>
              {section.name}: {section.score} of {section.max_score} {section.passed ? "✓" : "✗"}
            </summary>
            <ul class="list-unstyled ms-3">
              {section.checks.map((check) => (
                <li key={check.id}>
                  {check.passed ? "✓" : "✗"} {check.message || check.id}
                </li>
              ))}
            </ul>
          </details>
        ))}
      </div>
    </Card>
  );
}
