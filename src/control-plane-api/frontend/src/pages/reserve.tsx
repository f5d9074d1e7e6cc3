import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Session } from "../api/types";
import { Dialog } from "../components/dialogs";
import { failed, succeeded } from "../components/toasts";
import { toLocalField } from "../lib/time";
import { definitions } from "../live/store";
import { isManager } from "../user";

export function ReserveButton({ definitionId = "" }: { definitionId?: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="btn btn-sm btn-primary" onClick={() => setOpen(true)}>
        Reserve
      </button>
      {open && <ReserveForm definitionId={definitionId} onClose={() => setOpen(false)} />}
    </>
  );
}

/** Reserve a lab, now or for a slot. */
export function ReserveForm({ definitionId, onClose }: { definitionId: string; onClose: () => void }) {
  const { route } = useLocation();
  const usable = definitions.list.value
    .filter((definition) => definition.status.phase === "active")
    .sort((a, b) => a.spec.title.localeCompare(b.spec.title));
  const [chosen, setChosen] = useState(definitionId || usable[0]?.id || "");
  const [soon, setSoon] = useState(true);
  const [start, setStart] = useState(toLocalField(new Date(Date.now() + 3_600_000)));
  const [minutes, setMinutes] = useState(60);
  const [owner, setOwner] = useState("");
  const [busy, setBusy] = useState(false);
  const definition = usable.find((candidate) => candidate.id === chosen);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const begin = new Date(start);
    const slot = { start: begin.toISOString(), end: new Date(begin.getTime() + minutes * 60_000).toISOString() };
    const when = soon ? { as_soon_as_possible: true, duration_minutes: minutes } : { slot };
    try {
      const session = await call<Session>("POST", "/api/lablet-sessions", {
        body: { definition_id: chosen, owner, ...when },
      });
      succeeded("Reserved.");
      onClose();
      route(`/sessions/${session.id}`);
    } catch (error) {
      failed(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title="Reserve a lab" onClose={onClose}>
      {usable.length === 0 ? (
        <p>
          No lab can be reserved yet: a definition must be active. <a href="/definitions">Upload one</a>.
        </p>
      ) : (
        <form onSubmit={submit}>
          <label class="form-label w-100">
            Lab
            <select class="form-select" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
              {usable.map((candidate) => (
                <option key={candidate.id} value={candidate.id}>
                  {candidate.spec.title} ({candidate.spec.semantic_version})
                </option>
              ))}
            </select>
          </label>
          <fieldset class="mb-2">
            <legend class="form-label fs-6">When</legend>
            <label class="form-check">
              <input type="radio" class="form-check-input" name="when" checked={soon} onChange={() => setSoon(true)} />{" "}
              As soon as possible
            </label>
            <label class="form-check">
              <input
                type="radio"
                class="form-check-input"
                name="when"
                checked={!soon}
                onChange={() => setSoon(false)}
              />{" "}
              At a time
            </label>
            {!soon && (
              <input
                type="datetime-local"
                class="form-control mt-1"
                aria-label="Start"
                required
                value={start}
                onInput={(event) => setStart(event.currentTarget.value)}
              />
            )}
          </fieldset>
          <label class="form-label w-100">
            Minutes
            <input
              type="number"
              class="form-control"
              min={5}
              max={definition?.spec.max_duration_minutes ?? 240}
              value={minutes}
              onInput={(event) => setMinutes(Number(event.currentTarget.value))}
            />
          </label>
          {isManager.value && (
            <label class="form-label w-100">
              For (user name; empty: yourself)
              <input class="form-control" value={owner} onInput={(event) => setOwner(event.currentTarget.value)} />
            </label>
          )}
          <div class="text-end">
            <button type="submit" class="btn btn-primary" disabled={busy || !chosen}>
              Reserve
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
