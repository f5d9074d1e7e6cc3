import { actOnSession, extendSession, launch, sessionActions } from "../actions";
import type { Session } from "../api/types";
import { Empty, Live, PageTitle, Phase } from "../components/basics";
import { Countdown, Tracker } from "../components/session_parts";
import { words } from "../lib/format";
import { slotOf } from "../lib/phases";
import { sessions } from "../live/store";
import { user } from "../user";
import { ReserveButton } from "./reserve";

/** The learner's page: what I have, what I can do with it now. */
export default function MyLabs() {
  const mine = sessions.list.value.filter((session) => session.spec.owner === user.value?.username);
  const open = mine
    .filter((session) => session.status.phase !== "terminated")
    .sort((a, b) => slotOf(a).start.localeCompare(slotOf(b).start));
  const over = mine
    .filter((session) => session.status.phase === "terminated")
    .sort((a, b) => b.updated_at.localeCompare(a.updated_at));
  return (
    <>
      <PageTitle title="My labs">
        <ReserveButton />
      </PageTitle>
      <Live what="session">
        {open.length === 0 && (
          <Empty title="You have no lab reserved">
            <p>Choose one with Reserve: it is built for you and waits here.</p>
          </Empty>
        )}
        {open.map((session) => (
          <LabCard session={session} key={session.id} />
        ))}
        {over.length > 0 && (
          <>
            <h2 class="h5 mt-4">Earlier</h2>
            <ul class="list-group">
              {over.map((session) => (
                <li class="list-group-item d-flex flex-wrap justify-content-between gap-2" key={session.id}>
                  <a href={`/sessions/${session.id}`}>
                    {session.spec.definition_title || session.spec.definition_name}
                  </a>
                  <span>
                    {session.status.score
                      ? `${session.status.score.score} of ${session.status.score.max_score}, ${session.status.score.passed ? "passed" : "not passed"}`
                      : words(session.status.outcome ?? "ended")}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Live>
    </>
  );
}

function LabCard({ session }: { session: Session }) {
  const usable = session.status.launch_available && ["ready", "running"].includes(session.status.phase);
  return (
    <section class="card mb-3" data-testid="mylab">
      <div class="card-body">
        <div class="d-flex flex-wrap justify-content-between gap-2 mb-2">
          <h2 class="h5 mb-0">
            <a href={`/sessions/${session.id}`}>{session.spec.definition_title || session.spec.definition_name}</a>{" "}
            <Phase phase={session.status.phase} />
          </h2>
          <Countdown session={session} />
        </div>
        <Tracker session={session} />
        <div class="d-flex flex-wrap gap-2 mt-3">
          <button type="button" class="btn btn-success" disabled={!usable} onClick={() => void launch(session)}>
            Launch
          </button>
          {["ready", "running"].includes(session.status.phase) && (
            <button type="button" class="btn btn-outline-primary" onClick={() => void extendSession(session, 30)}>
              +30 min
            </button>
          )}
          {sessionActions(session, false).map((action) => (
            <button
              key={action}
              type="button"
              class={`btn ${action === "cancel" ? "btn-outline-danger" : "btn-outline-primary"}`}
              onClick={() => void actOnSession(session, action)}
            >
              {action === "cancel" ? "End" : words(action)}
            </button>
          ))}
        </div>
      </div>
    </section>
  );
}
