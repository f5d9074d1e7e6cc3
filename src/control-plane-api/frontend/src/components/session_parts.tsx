/** Parts of a session that the operator's and the learner's pages share. */
import type { Session } from "../api/types";
import { words } from "../lib/format";
import { progressOf, reasonOf, SESSION_PHASES, slotOf } from "../lib/phases";
import { absolute, duration, now, showUtc } from "../lib/time";
import { Ago, At, Scroll } from "./basics";

export function SlotCell({ session }: { session: Session }) {
  const slot = slotOf(session);
  return (
    <span class="small">
      <At at={slot.start} />
      <br />
      <Countdown session={session} />
    </span>
  );
}

/** How long until it starts, or how long it still runs. */
export function Countdown({ session }: { session: Session }) {
  const slot = slotOf(session);
  const { phase } = session.status;
  if (phase === "terminated") return <span class="text-body-secondary">over</span>;
  const untilStart = (Date.parse(slot.start) - now.value) / 1000;
  const untilEnd = (Date.parse(slot.end) - now.value) / 1000;
  if (phase === "pending" && session.spec.as_soon_as_possible) return <span>as soon as possible</span>;
  if (untilStart > 0 && ["pending", "scheduled", "instantiating"].includes(phase))
    return <span>starts in {duration(untilStart)}</span>;
  if (untilEnd > 0)
    return <span class={untilEnd < 600 ? "text-danger-emphasis fw-semibold" : ""}>{duration(untilEnd)} left</span>;
  return <span>slot is over</span>;
}

/** Where the session is on its way, why, and how far the work of the present phase is. */
export function Tracker({ session }: { session: Session }) {
  const visited = new Map(session.status.history.map((change) => [change.phase as string, change]));
  const { phase } = session.status;
  const progress = progressOf(session);
  const present = SESSION_PHASES.indexOf(phase as (typeof SESSION_PHASES)[number]);
  return (
    <div data-testid="tracker">
      <ol class="tracker">
        {SESSION_PHASES.map((name, index) => {
          const change = visited.get(name);
          const state = name === phase ? "now" : index < present ? (change ? "past" : "skipped") : "ahead";
          return (
            <li
              key={name}
              class={`tracker-${state}`}
              aria-current={state === "now" ? "step" : undefined}
              title={change ? `${absolute(change.at, showUtc.value, true)} ${change.message ?? ""}` : undefined}
            >
              {words(name)}
            </li>
          );
        })}
      </ol>
      <p class="mb-1" data-testid="reason">
        {reasonOf(session) || words(session.status.reason)}
      </p>
      {progress !== null && (
        <div class="d-flex align-items-center gap-2">
          <progress class="meter meter-primary flex-grow-1" max={100} value={progress} aria-label="Progress" />
          <span class="small tabular">{progress} %</span>
        </div>
      )}
      <p class="small text-body-secondary mb-0">
        In this phase since <Ago at={session.status.phase_since} />
        {session.status.deadline && (
          <>
            , at the latest until <At at={session.status.deadline} />
          </>
        )}
      </p>
    </div>
  );
}

const STEP_SIGN: Record<string, string> = {
  done: "✓",
  running: "…",
  failed: "✗",
  skipped: "–",
  compensated: "↩",
  pending: "·",
};

/** The steps of the present work; `onRetry` adds a button to each that has begun. */
export function PipelineLog({ session, onRetry }: { session: Session; onRetry?: (step: string) => void }) {
  const pipeline = session.status.pipeline;
  if (!pipeline?.steps?.length) return <p class="text-body-secondary mb-0">No work has been done yet.</p>;
  return (
    <Scroll label="Pipeline">
      <table class="table table-sm mb-0" data-testid="pipeline">
        <caption class="caption-top pt-0">
          {words(pipeline.name)}, run {pipeline.run}
        </caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">State</th>
            <th scope="col">Tries</th>
            <th scope="col">Took</th>
            <th scope="col">What</th>
            {onRetry && <th scope="col">Again</th>}
          </tr>
        </thead>
        <tbody>
          {pipeline.steps.map((step) => (
            <tr key={step.name}>
              <th scope="row" class="fw-normal">
                {words(step.name)}
              </th>
              <td>
                <span aria-hidden="true">{STEP_SIGN[step.state ?? "pending"]}</span> {words(step.state ?? "pending")}
              </td>
              <td>{step.attempts}</td>
              <td>{took(step.started_at, step.ended_at)}</td>
              <td class="text-break">{step.message}</td>
              {onRetry && (
                <td>
                  {(step.state ?? "pending") !== "pending" && (
                    <button
                      type="button"
                      class="btn btn-sm btn-outline-secondary py-0"
                      aria-label={`Build again from ${words(step.name)}`}
                      onClick={() => onRetry(step.name)}
                    >
                      Retry
                    </button>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function took(started: string | null | undefined, ended: string | null | undefined): string {
  if (!started) return "–";
  const end = ended ? Date.parse(ended) : now.value;
  return duration((end - Date.parse(started)) / 1000);
}
