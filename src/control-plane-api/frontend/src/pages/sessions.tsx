import { actOnSessions, sessionActions } from "../actions";
import type { Session } from "../api/types";
import { Live, PageTitle, Phase } from "../components/basics";
import { SlotCell } from "../components/session_parts";
import { DataTable, type CellColumn } from "../components/table";
import { words } from "../lib/format";
import { reasonOf, slotOf } from "../lib/phases";
import { sessions } from "../live/store";
import { ReserveButton } from "./reserve";

const COLUMNS: CellColumn<Session>[] = [
  {
    key: "lab",
    title: "Lab",
    always: true,
    value: (s) => s.spec.definition_title || s.spec.definition_name,
    cell: (s) => <a href={`/sessions/${s.id}`}>{s.spec.definition_title || s.spec.definition_name}</a>,
  },
  { key: "owner", title: "Owner", value: (s) => s.spec.owner, cell: (s) => s.spec.owner },
  {
    key: "phase",
    title: "Phase",
    always: true,
    value: (s) => s.status.phase,
    cell: (s) => (
      <>
        <Phase phase={s.status.phase} /> {s.status.outcome && <span class="small">{words(s.status.outcome)}</span>}
        <div class="small text-body-secondary reason">{reasonOf(s)}</div>
      </>
    ),
  },
  { key: "slot", title: "Slot", value: (s) => slotOf(s).start, cell: (s) => <SlotCell session={s} /> },
  {
    key: "worker",
    title: "Worker",
    value: (s) => s.status.placement?.worker_name ?? "",
    cell: (s) =>
      s.status.placement ? (
        <a href={`/workers/${s.status.placement.worker_id}`}>{s.status.placement.worker_name || "worker"}</a>
      ) : (
        "–"
      ),
  },
  {
    key: "score",
    title: "Score",
    value: (s) => s.status.score?.score ?? -1,
    cell: (s) => (s.status.score ? `${s.status.score.score} / ${s.status.score.max_score}` : "–"),
  },
];

export default function Sessions() {
  return (
    <>
      <PageTitle title="Sessions">
        <ReserveButton />
      </PageTitle>
      <Live what="session">
        <DataTable
          name="sessions"
          items={sessions.list.value}
          idOf={(session) => session.id}
          columns={COLUMNS}
          filters={{
            phase: (session) => session.status.phase,
            outcome: (session) => session.status.outcome ?? "",
            department: (session) => session.spec.department ?? "",
          }}
          searchIn={(s) =>
            `${s.id} ${s.spec.definition_title} ${s.spec.definition_name} ${s.spec.owner} ${s.status.placement?.worker_name ?? ""} ${s.status.message}`
          }
          defaultSort="-slot"
          bulk={(selected, clear) =>
            (["stop", "cancel"] as const).map((action) => (
              <button
                key={action}
                type="button"
                class={`btn btn-sm btn-outline-${action === "cancel" ? "danger" : "primary"}`}
                disabled={!selected.some((session) => sessionActions(session, true).includes(action))}
                onClick={async () => {
                  if (await actOnSessions(selected, action)) clear();
                }}
              >
                {action === "cancel" ? "End" : "Stop"}
              </button>
            ))
          }
        />
      </Live>
    </>
  );
}
