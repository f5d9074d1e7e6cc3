import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { ConnectionBadge, Empty } from "./components/basics";
import { Questions } from "./components/dialogs";
import { Palette, paletteOpen } from "./components/palette";
import { Toasts } from "./components/toasts";
import { showUtc, toggleUtc } from "./lib/time";
import { nextTheme, theme } from "./theme";
import { goToSignIn, isAdmin, isAuthor, isManager, loadUser, signIn, signOut, user } from "./user";

const Overview = lazy(() => import("./pages/overview"));
const Workers = lazy(() => import("./pages/workers"));
const WorkerPage = lazy(() => import("./pages/worker"));
const Sessions = lazy(() => import("./pages/sessions"));
const SessionPage = lazy(() => import("./pages/session"));
const Definitions = lazy(() => import("./pages/definitions"));
const DefinitionPage = lazy(() => import("./pages/definition"));
const Templates = lazy(() => import("./pages/templates"));
const Tasks = lazy(() => import("./pages/tasks"));
const Audit = lazy(() => import("./pages/audit"));
const Controllers = lazy(() => import("./pages/controllers"));
const MyLabs = lazy(() => import("./pages/mylabs"));

interface PageLink {
  href: string;
  label: string;
  key: string;
  shown: () => boolean;
}

const everyone = () => true;
const operators = () => isManager.value;
const PAGES: PageLink[] = [
  { href: "/", label: "Overview", key: "o", shown: operators },
  { href: "/my-labs", label: "My labs", key: "m", shown: everyone },
  { href: "/workers", label: "Workers", key: "w", shown: everyone },
  { href: "/sessions", label: "Sessions", key: "s", shown: operators },
  { href: "/definitions", label: "Definitions", key: "d", shown: () => isManager.value || isAuthor.value },
  { href: "/templates", label: "Templates", key: "t", shown: operators },
  { href: "/tasks", label: "Tasks", key: "k", shown: everyone },
  { href: "/audit", label: "Audit", key: "a", shown: operators },
  { href: "/controllers", label: "Controllers", key: "c", shown: () => isAdmin.value || isManager.value },
];

export function App() {
  useEffect(() => void loadUser(), []);
  if (signIn.value === "unknown") return <p class="p-5 text-center">Loading…</p>;
  if (signIn.value === "out") return <SignIn />;
  return (
    <LocationProvider>
      <Shell />
    </LocationProvider>
  );
}

function SignIn() {
  return (
    <main class="container py-5 text-center">
      <h1 class="h3">Lablet Cloud Manager</h1>
      <p class="text-body-secondary">Hands-on network labs, reserved, built, delivered and graded.</p>
      <button type="button" class="btn btn-primary" onClick={goToSignIn}>
        Sign in
      </button>
    </main>
  );
}

function Home() {
  return isManager.value ? <Overview /> : <MyLabs />;
}

function Shell() {
  const { path, route } = useLocation();
  useShortcuts(route);
  const pages = PAGES.filter((page) => page.shown());
  useEffect(() => {
    const page = PAGES.find(
      (candidate) => candidate.href === path || (candidate.href !== "/" && path.startsWith(candidate.href)),
    );
    document.title = `${page?.label ?? "Lab"} – Lablet Cloud Manager`;
  }, [path]);
  return (
    <>
      <a class="visually-hidden-focusable" href="#main">
        Skip to content
      </a>
      <nav class="navbar border-bottom bg-body-tertiary px-3 gap-2" aria-label="Main">
        <a class="navbar-brand me-2" href="/">
          LCM
        </a>
        <div class="nav-scroll">
          {pages.map((page) => {
            const here = page.href === path || (page.href !== "/" && path.startsWith(page.href));
            return (
              <a
                key={page.href}
                href={page.href}
                class={`nav-link px-2 ${here ? "active fw-semibold" : ""}`}
                aria-current={here ? "page" : undefined}
              >
                {page.label}
              </a>
            );
          })}
        </div>
        <div class="d-flex align-items-center gap-2 ms-auto">
          <ConnectionBadge />
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            title="Go to… (Ctrl-K)"
            onClick={() => (paletteOpen.value = true)}
          >
            Go to…
          </button>
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            aria-pressed={showUtc.value}
            title="Show times in UTC"
            onClick={toggleUtc}
          >
            UTC
          </button>
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            title={`Colors: ${theme.value}`}
            aria-label={`Colors: ${theme.value}`}
            onClick={nextTheme}
          >
            {theme.value === "dark" ? "Dark" : theme.value === "light" ? "Light" : "Auto"}
          </button>
          <span class="small text-nowrap" data-testid="who">
            {user.value?.username}
          </span>
          <button type="button" class="btn btn-sm btn-outline-secondary text-nowrap" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </nav>
      <main id="main" class="container-fluid py-3">
        <ErrorBoundary>
          <Router>
            <Route path="/" component={Home} />
            <Route path="/my-labs" component={MyLabs} />
            <Route path="/workers" component={Workers} />
            <Route path="/workers/:id" component={WorkerPage} />
            <Route path="/sessions" component={Sessions} />
            <Route path="/sessions/:id" component={SessionPage} />
            <Route path="/definitions" component={Definitions} />
            <Route path="/definitions/:id" component={DefinitionPage} />
            <Route path="/templates" component={Templates} />
            <Route path="/tasks" component={Tasks} />
            <Route path="/audit" component={Audit} />
            <Route path="/controllers" component={Controllers} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </main>
      <Palette pages={pages.map((page) => ({ label: page.label, hint: `page, g ${page.key}`, href: page.href }))} />
      <Questions />
      <Toasts />
    </>
  );
}

function NotFound() {
  return (
    <Empty title="There is no such page">
      <a href="/">Start page</a>
    </Empty>
  );
}

/** Ctrl-K and / open the palette and the search; g and a letter go to a page. */
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
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (event.key === "g") {
        waiting = true;
        return;
      } else if (waiting) {
        const page = PAGES.find((candidate) => candidate.key === event.key && candidate.shown());
        if (page) route(page.href);
      }
      waiting = false;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [route]);
}
