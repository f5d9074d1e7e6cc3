import { ErrorBoundary, lazy, LocationProvider, Route, Router } from "preact-iso";
import { useEffect } from "preact/hooks";
import { Empty } from "./components/basics";
import "./live/notices";
import { Shell } from "./shell";
import { goToSignIn, isManager, loadUser, signIn } from "./user";

const Overview = lazy(() => import("./pages/overview"));
const Workers = lazy(() => import("./pages/workers"));
const WorkerPage = lazy(() => import("./pages/worker"));
const Sessions = lazy(() => import("./pages/sessions"));
const SessionPage = lazy(() => import("./pages/session"));
const Definitions = lazy(() => import("./pages/definitions"));
const DefinitionPage = lazy(() => import("./pages/definition"));
const Calendar = lazy(() => import("./pages/calendar"));
const Preview = lazy(() => import("./pages/preview"));
const Templates = lazy(() => import("./pages/templates"));
const Tasks = lazy(() => import("./pages/tasks"));
const Jobs = lazy(() => import("./pages/jobs"));
const Controllers = lazy(() => import("./pages/controllers"));
const Audit = lazy(() => import("./pages/audit"));
const Settings = lazy(() => import("./pages/settings"));
const MyLabs = lazy(() => import("./pages/mylabs"));

export function App() {
  useEffect(() => void loadUser(), []);
  if (signIn.value === "unknown") return <p class="p-5 text-center">Loading…</p>;
  if (signIn.value === "out") return <SignIn />;
  return (
    <LocationProvider>
      <Shell>
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
            <Route path="/calendar" component={Calendar} />
            <Route path="/preview" component={Preview} />
            <Route path="/templates" component={Templates} />
            <Route path="/tasks" component={Tasks} />
            <Route path="/jobs" component={Jobs} />
            <Route path="/controllers" component={Controllers} />
            <Route path="/audit" component={Audit} />
            <Route path="/settings" component={Settings} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Shell>
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

function NotFound() {
  return (
    <Empty title="There is no such page" page>
      <a href="/">Start page</a>
    </Empty>
  );
}
