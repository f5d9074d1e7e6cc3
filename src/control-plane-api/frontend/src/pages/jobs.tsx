import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Job, JobRun, Page } from "../api/types";
import { Ago, At, Badge, Empty, PageTitle, Scroll } from "../components/basics";
import { Dialog } from "../components/dialogs";
import { Fetched } from "../components/fetched";
import { attempt, failed } from "../components/toasts";
import { duration } from "../lib/time";
import { isAdmin } from "../user";

const REFRESH_MS = 5000;

/** The periodic jobs of the cluster. They have no events of their own, so this page asks while it is open. */
export default function Jobs() {
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [shown, setShown] = useState<Job | null>(null);
  const load = () =>
    call<Page<Job>>("GET", "/api/jobs")
      .then((page) => setJobs(page.items))
      .catch(failed);
  useEffect(() => {
    void load();
    const timer = window.setInterval(() => document.visibilityState === "visible" && void load(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <PageTitle title="Jobs" />
      {jobs === null ? <p role="status">Loading…</p> : <Table jobs={jobs} onRuns={setShown} onRun={load} />}
      {shown && <Runs job={shown} onClose={() => setShown(null)} />}
    </>
  );
}

function Table(props: { jobs: Job[]; onRuns: (job: Job) => void; onRun: () => Promise<void> }) {
  if (props.jobs.length === 0) return <Empty title="No jobs" />;
  const run = async (job: Job) => {
    if (await attempt(`${job.name} starts within a few seconds.`, () => call("POST", `/api/jobs/${job.name}/run`)))
      await props.onRun();
  };
  return (
    <Scroll label="Jobs">
      <table class="table table-sm align-middle">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Every</th>
            <th scope="col">Last run</th>
            <th scope="col">Result</th>
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {props.jobs.map((job) => (
            <tr key={job.name} data-id={job.name}>
              <td>
                {job.name}
                <div class="small text-body-secondary">{job.description}</div>
              </td>
              <td class="text-nowrap">{duration(job.interval_seconds)}</td>
              <td class="text-nowrap">
                <Ago at={job.last_started_at} />
              </td>
              <td>
                <Result result={job.last_result} waiting={job.requested_at !== null} />{" "}
                <span class="small text-body-secondary">{job.last_message}</span>
              </td>
              <td class="text-end text-nowrap">
                <button type="button" class="btn btn-sm btn-outline-primary" onClick={() => props.onRuns(job)}>
                  Runs
                </button>{" "}
                {isAdmin.value && (
                  <button type="button" class="btn btn-sm btn-primary" onClick={() => void run(job)}>
                    Run now
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Result({ result, waiting }: { result: string; waiting: boolean }) {
  if (waiting) return <Badge tone="info">waiting</Badge>;
  if (!result) return <span>–</span>;
  return <Badge tone={result === "failed" ? "danger" : "success"}>{result}</Badge>;
}

function Runs({ job, onClose }: { job: Job; onClose: () => void }) {
  return (
    <Dialog title={`Runs of ${job.name}`} onClose={onClose} wide>
      <Fetched<JobRun>
        path={`/api/jobs/${job.name}/runs`}
        params={{ limit: "50" }}
        name="runs"
        headings={["Started", "Took", "Result", "What"]}
        row={(run) => (
          <tr key={run.id}>
            <td class="text-nowrap">
              <At at={run.started_at} seconds />
            </td>
            <td>{duration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000)}</td>
            <td>
              <Result result={run.result} waiting={false} />
            </td>
            <td>{run.message}</td>
          </tr>
        )}
      />
    </Dialog>
  );
}
