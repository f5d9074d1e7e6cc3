/** What surrounds every page: the menu, the bar with the connection, and the keyboard. */
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { ConnectionBadge } from "./components/basics";
import { Questions } from "./components/dialogs";
import { Palette, paletteOpen } from "./components/palette";
import { HelpDialog, helpOpen } from "./components/help";
import { Toasts } from "./components/toasts";
import { clockFactor, showUtc, toggleUtc } from "./lib/time";
import { openAttention } from "./live/attention";
import { placeOf, PLACES, type Place } from "./places";
import { nextTheme, theme } from "./theme";
import { signOut, user } from "./user";

export function Shell({ children }: { children: ComponentChildren }) {
  const { path, route } = useLocation();
  const [menu, setMenu] = useState(false);
  useShortcuts(route);
  const places = PLACES.filter((place) => place.shown());
  useEffect(() => {
    document.title = `${placeOf(path)?.label ?? "Lab"} – Lablet Cloud Manager`;
    setMenu(false);
  }, [path]);
  return (
    <div class="shell">
      <a class="skip visually-hidden-focusable btn btn-primary" href="#main">
        Skip to content
      </a>
      <header class="bar border-bottom bg-body-tertiary">
        <button
          type="button"
          class="btn btn-sm btn-plain d-lg-none"
          aria-expanded={menu}
          aria-controls="menu"
          onClick={() => setMenu(!menu)}
        >
          ☰ <span class="visually-hidden">Menu</span>
        </button>
        <a class="brand" href="/">
          <span class="d-none d-sm-inline">Lablet Cloud Manager</span>
          <span class="d-sm-none">LCM</span>
        </a>
        <Tools />
      </header>
      <Menu places={places} path={path} open={menu} />
      <main id="main" class="content" tabIndex={-1}>
        {children}
      </main>
      <Palette places={places} />
      <HelpDialog places={places} />
      <Questions />
      <Toasts />
    </div>
  );
}

function Tools() {
  const colors = theme.value === "dark" ? "Dark" : theme.value === "light" ? "Light" : "Auto";
  return (
    <div class="d-flex align-items-center gap-2 ms-auto">
      {clockFactor.value !== 1 && (
        <span class="small text-nowrap d-none d-md-inline" title="The platform's time runs faster than real time">
          time ×{clockFactor.value}
        </span>
      )}
      <ConnectionBadge />
      <button
        type="button"
        class="btn btn-sm btn-plain text-nowrap"
        title="Go to… (Ctrl-K)"
        onClick={() => (paletteOpen.value = true)}
      >
        Go to…
      </button>
      <details class="account">
        <summary class="btn btn-sm btn-plain" data-testid="who">
          {user.value?.username}
        </summary>
        <div class="account-menu border rounded shadow-sm bg-body">
          <p class="small text-body-secondary mb-1">
            {user.value?.roles.join(", ")}
            {user.value?.department && ` · ${user.value.department}`}
          </p>
          <button type="button" class="btn btn-sm btn-plain" aria-pressed={showUtc.value} onClick={toggleUtc}>
            Times in {showUtc.value ? "UTC" : "local time"}
          </button>
          <button type="button" class="btn btn-sm btn-plain" onClick={nextTheme} data-testid="theme">
            Colors: {colors}
          </button>
          <button type="button" class="btn btn-sm btn-plain" onClick={() => (helpOpen.value = true)}>
            Keyboard shortcuts
          </button>
          <button type="button" class="btn btn-sm btn-plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </details>
    </div>
  );
}

function Menu({ places, path, open }: { places: Place[]; path: string; open: boolean }) {
  const here = placeOf(path);
  const groups = ["", "Plan", "Operate", "Govern"].map((group) => places.filter((place) => place.group === group));
  return (
    <nav id="menu" class={`menu border-end bg-body-tertiary ${open ? "menu-open" : ""}`} aria-label="Main">
      {groups
        .filter((group) => group.length)
        .map((group) => (
          <div key={group[0]!.group} class="mb-2">
            {group[0]!.group && <p class="menu-group">{group[0]!.group}</p>}
            <ul class="list-unstyled mb-0">
              {group.map((place) => (
                <li key={place.href}>
                  <a href={place.href} class="menu-link" aria-current={place === here ? "page" : undefined}>
                    {place.label}
                    {place.href === "/" && openAttention.value > 0 && (
                      <span class="badge text-bg-danger ms-auto">{openAttention.value}</span>
                    )}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
    </nav>
  );
}

/** Ctrl-K opens the palette, / the search, ? the list of keys; g and a letter go to a page. */
function useShortcuts(route: (url: string) => void): void {
  useEffect(() => {
    let waiting = false;
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        paletteOpen.value = true;
        return;
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "g") {
        waiting = true;
        return;
      }
      if (waiting) {
        const place = PLACES.find((candidate) => candidate.key === event.key && candidate.shown());
        if (place) route(place.href);
      } else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (event.key === "?") helpOpen.value = true;
      waiting = false;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [route]);
}
