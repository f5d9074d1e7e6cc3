import { useRoute } from "preact-iso";
import { actOnDefinition } from "../actions";
import type { Definition } from "../api/types";
import { Ago, Card, Empty, Facts, Live, PageTitle, Phase, Scroll } from "../components/basics";
import { Topology } from "../components/topology";
import { memory, words } from "../lib/format";
import { definitions } from "../live/store";
import { isAuthor } from "../user";
import { ReserveButton } from "./reserve";

const ACTIONS: Record<string, ("sync" | "deprecate" | "reactivate" | "archive")[]> = {
  pending_sync: ["sync", "archive"],
  active: ["sync", "deprecate"],
  deprecated: ["reactivate", "archive"],
  archived: [],
};

export default function DefinitionPage() {
  const { params } = useRoute();
  return (
    <Live what="definition">
      <Details definition={definitions.get(params.id ?? "")} id={params.id ?? ""} />
    </Live>
  );
}

function Details({ definition, id }: { definition: Definition | undefined; id: string }) {
  if (!definition) {
    return (
      <Empty title={`There is no definition ${id}`} page>
        <a href="/definitions">All definitions</a>
      </Empty>
    );
  }
  const { spec, status } = definition;
  const content = status.content;
  const needs = status.requirements;
  return (
    <>
      <PageTitle
        title={
          <>
            {spec.title} <Phase phase={status.phase} />
          </>
        }
      >
        {isAuthor.value &&
          (ACTIONS[status.phase] ?? []).map((action) => (
            <button
              key={action}
              type="button"
              class="btn btn-sm btn-outline-primary"
              onClick={() => void actOnDefinition(definition, action)}
            >
              {words(action)}
            </button>
          ))}
        {status.phase === "active" && (
          <a class="btn btn-sm btn-outline-primary" href={`/preview?definition=${definition.id}`}>
            Preview
          </a>
        )}
        {status.phase === "active" && <ReserveButton definitionId={definition.id} />}
      </PageTitle>
      {status.message && <p class="text-body-secondary">{status.message}</p>}
      {status.sync.errors.length > 0 && (
        <Card title="What is wrong with the content">
          <Scroll label="Faults">
            <table class="table table-sm mb-0" data-testid="content-errors">
              <thead>
                <tr>
                  <th scope="col">File</th>
                  <th scope="col">Line</th>
                  <th scope="col">Field</th>
                  <th scope="col">Rule</th>
                </tr>
              </thead>
              <tbody>
                {status.sync.errors.map((fault) => (
                  <tr key={`${fault.file}${fault.line}${fault.field}${fault.message}`}>
                    <td>{fault.file}</td>
                    <td>{fault.line || "–"}</td>
                    <td>{fault.field}</td>
                    <td>{fault.message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </Card>
      )}
      {content && (
        <Card title="Topology">
          <Topology drawing={content.drawing} />
        </Card>
      )}
      {content && (
        <Card title={`Devices (${content.devices.length})`}>
          <Scroll label="Devices">
            <table class="table table-sm mb-0">
              <thead>
                <tr>
                  <th scope="col">Device</th>
                  <th scope="col">Definition</th>
                  <th scope="col">Protocol</th>
                  <th scope="col">Port</th>
                </tr>
              </thead>
              <tbody>
                {content.devices.map((device) => (
                  <tr key={device.label}>
                    <td>{device.label}</td>
                    <td>{device.node_definition}</td>
                    <td>{device.protocol}</td>
                    <td>{device.port_name || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </Card>
      )}
      <Card title="Details">
        <Facts
          rows={[
            ["Id", definition.id],
            ["Name", `${spec.name} ${spec.semantic_version}`],
            ["Form", spec.form_qualified_name],
            ["Graded", spec.graded ? "yes" : "no"],
            [
              "Needs",
              `${needs.cores} cores, ${memory(needs.memory_mb ?? 0)}, ${needs.storage_gb} GiB, ${needs.nodes} nodes`,
            ],
            ["Node definitions", (content?.node_definitions ?? []).join(", ")],
            ["Longest session", `${spec.max_duration_minutes} minutes`],
            ["Boot lead", `${spec.boot_lead_minutes} minutes`],
            ["A failed build is kept", `${spec.hold_failed_minutes ?? 0} minutes`],
            ["Learners may be late", spec.no_show_minutes == null ? "as set" : `${spec.no_show_minutes} minutes`],
            ["Added steps", (content?.added_steps ?? []).map((step) => step.name).join(", ") || "–"],
            ["Warm pool", String(spec.warm_pool_depth ?? 0)],
            ["Sessions", String(status.sessions_total ?? 0)],
            [
              "Bucket",
              status.sync.checked_at ? (
                <>
                  {status.sync.check_message} Looked at <Ago at={status.sync.checked_at} />.
                </>
              ) : (
                "–"
              ),
            ],
            ["Package", content?.package_sha256.slice(0, 12) ?? "–"],
            [
              "Replaced by",
              status.replaced_by ? <a href={`/definitions/${status.replaced_by}`}>newer version</a> : "–",
            ],
            ["Created", <Ago at={definition.created_at} />],
          ]}
        />
      </Card>
    </>
  );
}
