import type { Controller } from "../api/types";
import { Ago, Badge, PageTitle } from "../components/basics";
import { Fetched } from "../components/fetched";

/** Who leads, how deep the queues are, and the last sentence of each key. */
export default function Controllers() {
  return (
    <>
      <PageTitle title="Controllers" />
      <Fetched<Controller>
        path="/api/controllers"
        params={{}}
        name="controllers"
        headings={[
          "Service",
          "Replica",
          "State",
          "Leads",
          "Term",
          "Queue",
          "Reconciles",
          "Errors",
          "Heard",
          "Last sentences",
        ]}
        row={(controller) => (
          <tr key={controller.identity}>
            <td>{controller.service}</td>
            <td class="text-break">{controller.identity}</td>
            <td>
              <Badge tone={controller.alive ? "success" : "danger"}>{controller.alive ? "alive" : "silent"}</Badge>
            </td>
            <td>{(controller.leader_shards ?? []).join(", ") || "–"}</td>
            <td>{controller.term}</td>
            <td>{controller.queue_depth}</td>
            <td>{controller.reconciles_total}</td>
            <td>{controller.errors_total}</td>
            <td>
              <Ago at={controller.seen_at} />
            </td>
            <td>
              <details>
                <summary>{(controller.recent ?? []).length} keys</summary>
                <ul class="list-unstyled small mb-0">
                  {(controller.recent ?? []).map((entry) => (
                    <li key={entry.key}>
                      <code>{entry.key}</code> {entry.sentence}
                    </li>
                  ))}
                </ul>
              </details>
            </td>
          </tr>
        )}
      />
    </>
  );
}
