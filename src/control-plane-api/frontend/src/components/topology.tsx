/** The topology of a definition, as its author drew it. */
import type { Drawing } from "../api/types";

const MARGIN = 70;
const RADIUS = 14;
const SMALLEST = 240;
const LARGEST_SCALE = 1.3;

export function Topology({ drawing }: { drawing: Drawing }) {
  const { nodes, links } = drawing;
  if (nodes.length === 0) return <p class="text-body-secondary mb-0">There is no drawing of this topology.</p>;
  const left = Math.min(...nodes.map((node) => node.x)) - MARGIN;
  const top = Math.min(...nodes.map((node) => node.y)) - MARGIN;
  const width = Math.max(SMALLEST, Math.max(...nodes.map((node) => node.x)) + MARGIN - left);
  const height = Math.max(SMALLEST / 2, Math.max(...nodes.map((node) => node.y)) + MARGIN - top);
  return (
    <svg
      class="topology"
      style={{ maxWidth: `${Math.round(width * LARGEST_SCALE)}px` }}
      viewBox={`${left} ${top} ${width} ${height}`}
      role="img"
      aria-label={`Topology: ${nodes.map((node) => node.label).join(", ")}`}
      data-testid="topology"
    >
      {links.map(([from, to]) => {
        const [a, b] = [nodes[from as number], nodes[to as number]];
        return a && b && <line key={`${String(from)}-${String(to)}`} x1={a.x} y1={a.y} x2={b.x} y2={b.y} />;
      })}
      {nodes.map((node) => (
        <g key={node.label} class={`node node-${kindOf(node.node_definition)}`}>
          <title>{`${node.label} (${node.node_definition})`}</title>
          <circle cx={node.x} cy={node.y} r={RADIUS} />
          <text x={node.x} y={node.y + RADIUS + 16}>
            {node.label}
          </text>
        </g>
      ))}
    </svg>
  );
}

/** Router, switch, firewall, host or cloud: what the name of a node definition tells. */
export function kindOf(nodeDefinition: string): string {
  const name = nodeDefinition.toLowerCase();
  if (/switch|l2|nxos|nx-os|cat9|iol-?l2/.test(name)) return "switch";
  if (/asav|ftd|fmc|firewall|ise/.test(name)) return "firewall";
  if (/external|connector|cloud|wan/.test(name)) return "cloud";
  if (/ubuntu|alpine|desktop|server|linux|tcl|coreos|host/.test(name)) return "host";
  return "router";
}
