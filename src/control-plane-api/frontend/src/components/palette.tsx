/** The command palette: Ctrl-K or /, then a few letters of a page, worker, session or definition. */
import { signal } from "@preact/signals";
import { useLocation } from "preact-iso";
import { useMemo, useState } from "preact/hooks";
import { definitions, sessions, workers } from "../live/store";
import type { Place } from "../places";
import { Dialog } from "./dialogs";

export const paletteOpen = signal(false);
const SHOWN = 12;

interface Entry {
  label: string;
  hint: string;
  href: string;
}

export function Palette({ places }: { places: Place[] }) {
  if (!paletteOpen.value) return null;
  return (
    <Open pages={places.map((place) => ({ label: place.label, hint: `page, g ${place.key}`, href: place.href }))} />
  );
}

function Open({ pages }: { pages: Entry[] }) {
  const { route } = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = useMemo(() => everything(pages), [pages]);
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries
    .filter((entry) => wanted.every((word) => `${entry.label} ${entry.hint}`.toLowerCase().includes(word)))
    .slice(0, SHOWN);
  const close = () => {
    paletteOpen.value = false;
  };
  const go = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    route(entry.href);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter") go(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={close}>
      <input
        class="form-control"
        aria-label="Go to"
        placeholder="Page, worker, session, definition"
        autofocus
        value={text}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[at] ? `palette-${at}` : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul class="list-group mt-2" role="listbox" id="palette-list" aria-label="Places">
        {found.map((entry, index) => (
          <li
            key={entry.href}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            class={`list-group-item list-group-item-action d-flex justify-content-between ${index === at ? "active" : ""}`}
            onClick={() => go(entry)}
          >
            <span>{entry.label}</span>
            <span class="small">{entry.hint}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function everything(pages: Entry[]): Entry[] {
  return [
    ...pages,
    ...workers.list.value.map((worker) => ({
      label: worker.spec.name,
      hint: `worker, ${worker.status.phase}`,
      href: `/workers/${worker.id}`,
    })),
    ...sessions.list.value.map((session) => ({
      label: session.spec.definition_title || session.spec.definition_name,
      hint: `session of ${session.spec.owner}, ${session.status.phase}`,
      href: `/sessions/${session.id}`,
    })),
    ...definitions.list.value.map((definition) => ({
      label: definition.spec.title,
      hint: "definition",
      href: `/definitions/${definition.id}`,
    })),
  ];
}
