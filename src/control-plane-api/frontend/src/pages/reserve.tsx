import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Session } from "../api/types";
import { Dialog } from "../components/dialogs";
import { SelectField, TextField } from "../components/fields";
import { failed, succeeded } from "../components/toasts";
import { useWhen, wanted, WhenFields } from "../components/when";
import { reservable } from "../live/store";
import { isAuthor, isManager } from "../user";

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
  const usable = reservable.value;
  const [picked, setPicked] = useState(definitionId);
  // The first one is derived, not kept: the list may arrive after the dialog was opened.
  const chosen = picked || usable[0]?.id || "";
  const [when, changeWhen] = useWhen();
  const [owner, setOwner] = useState("");
  const [busy, setBusy] = useState(false);
  const definition = usable.find((candidate) => candidate.id === chosen);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { definition_id: chosen, owner, ...wanted(when) };
      const session = await call<Session>("POST", "/api/lablet-sessions", { body });
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
          No lab can be reserved yet: a definition must be active.{" "}
          {isAuthor.value ? <a href="/definitions">Upload a content package.</a> : "Ask a lab author to upload one."}
        </p>
      ) : (
        <form onSubmit={submit}>
          <SelectField
            label="Lab"
            value={chosen}
            set={setPicked}
            options={usable.map((one) => [one.id, `${one.spec.title} (${one.spec.semantic_version})`])}
          />
          <WhenFields when={when} change={changeWhen} longest={definition?.spec.max_duration_minutes ?? 240} />
          {isManager.value && <TextField label="For (user name; empty: yourself)" value={owner} set={setOwner} />}
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
