/** The keys, on request. */
import { signal } from "@preact/signals";
import type { Place } from "../places";
import { Dialog } from "./dialogs";

export const helpOpen = signal(false);

export function HelpDialog({ places }: { places: Place[] }) {
  if (!helpOpen.value) return null;
  const keys: [string, string][] = [
    ["Ctrl K", "Go to a page, worker, session or definition"],
    ["/", "Search this list"],
    ["Esc", "Close a dialog"],
    ["?", "This list"],
    ...places.map((place): [string, string] => [`g ${place.key}`, place.label]),
  ];
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => (helpOpen.value = false)}>
      <dl class="keys mb-0">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
