"""Topologies that authors write: read with every fault named, rewritten with real ports and nothing else changed."""

import os
from pathlib import Path

import pytest
import yaml

from lcm_core.content.errors import ContentRefused
from lcm_core.domain.vocabulary import PortProtocol
from lcm_core.topology.estimate import estimate_resources
from lcm_core.topology.parse import parse_topology
from lcm_core.topology.ports import parse_port_tag, port_template
from lcm_core.topology.rewrite import MAX_TITLE_LENGTH, lab_title, owner_of, rewrite_topology

ROOT = Path(__file__).resolve().parents[3]
LABS = Path(os.environ.get("LCM_LABS_DIR") or ROOT.parent / "shared" / "labs")
TAGGED = """
lab: {title: Tagged, version: 0.3.0, notes: keep me}
nodes:
  - {id: n0, label: R1, node_definition: iosv, tags: ["serial:5001:1", "VLAN10"], configuration: "hostname R1\\n",
     interfaces: [{id: i0, slot: 0, label: Gi0/0, type: physical}]}
  - {id: n1, label: web, node_definition: ubuntu, tags: ["pat:tcp:8080:80", "pat:udp:${PORT_DNS}:53", "vnc:5901"],
     configuration: "listen on ${PORT_DNS}", interfaces: [{id: i0, slot: 0, label: ens2, type: physical}]}
  - {id: n2, label: R2, node_definition: iosv}
  - {id: n3, label: net, node_definition: external_connector}
links: [{id: l0, n1: n0, i1: i0, n2: n1, i2: i0}]
smart_annotations: [{tag: "serial:5001:1", label: console}, {tag: VLAN10, label: VLAN10}]
"""


@pytest.mark.parametrize(
    ("tag", "protocol", "outside", "inside", "transport"),
    [
        ("serial:5001", PortProtocol.SERIAL, "5001", None, "tcp"),
        ("serial:5001:2", PortProtocol.SERIAL, "5001", 2, "tcp"),
        ("vnc:${PORT_SCREEN}", PortProtocol.VNC, "${PORT_SCREEN}", None, "tcp"),
        ("ssh:2022", PortProtocol.SSH, "2022", None, "tcp"),
        ("pat:8080:80", PortProtocol.PAT, "8080", 80, "tcp"),
        ("pat:udp:5353:53", PortProtocol.PAT, "5353", 53, "udp"),
    ],
)
def test_a_port_tag_is_understood(tag: str, protocol: str, outside: str, inside: int | None, transport: str) -> None:
    parsed = parse_port_tag(tag)
    assert parsed is not None
    assert (parsed.protocol, parsed.outside, parsed.inside, parsed.transport) == (protocol, outside, inside, transport)
    assert parsed.with_outside("7000") == tag.replace(outside, "7000")


@pytest.mark.parametrize("tag", ["VLAN10", "serialize", "core", "http:80"])
def test_other_tags_are_not_about_ports(tag: str) -> None:
    assert parse_port_tag(tag) is None


@pytest.mark.parametrize("tag", ["serial:", "serial:70000", "serial:5001:9", "pat:80", "pat:sctp:80:80", "vnc:5901:1"])
def test_a_malformed_port_tag_is_refused_by_its_text(tag: str) -> None:
    with pytest.raises(ValueError, match=tag.split(":")[0]):
        parse_port_tag(tag)


def test_the_template_names_every_port_and_gives_consoles_to_nodes_without_one() -> None:
    slots = {slot.name: slot for slot in port_template(parse_topology(TAGGED))}
    assert set(slots) == {"R1_SERIAL1", "WEB_PAT_TCP_80", "DNS", "WEB_VNC", "R2_SERIAL"}
    assert (slots["DNS"].transport, slots["DNS"].inside_port) == ("udp", 53)


def test_a_rewritten_topology_differs_by_ports_title_and_notes_alone() -> None:
    topology = parse_topology(TAGGED)
    ports = {slot.name: 3000 + number for number, slot in enumerate(port_template(topology))}
    rewritten = yaml.safe_load(rewrite_topology(topology, ports, "s-1"))
    before = yaml.safe_load(TAGGED)
    nodes = {node["label"]: node for node in rewritten["nodes"]}
    assert nodes["R1"]["tags"] == [f"serial:{ports['R1_SERIAL1']}:1", "VLAN10"]
    assert nodes["R2"]["tags"] == [f"serial:{ports['R2_SERIAL']}"]
    assert nodes["web"]["configuration"] == f"listen on {ports['DNS']}"
    assert [item["tag"] for item in rewritten["smart_annotations"]] == [f"serial:{ports['R1_SERIAL1']}:1", "VLAN10"]
    assert owner_of(rewritten["lab"]["title"], rewritten["lab"]["notes"]) == "s-1"
    assert rewritten["lab"]["notes"].endswith("keep me")
    assert rewritten["links"] == before["links"]
    assert nodes["net"] == before["nodes"][3]


def test_a_missing_port_is_named() -> None:
    with pytest.raises(KeyError, match="R1_SERIAL1"):
        rewrite_topology(parse_topology(TAGGED), {}, "s-1")


def test_a_title_is_cut_to_what_cml_accepts_and_still_names_its_session() -> None:
    title = lab_title("01m88c2r9jvkxza3zecxbhgt0j", "a very long title " * 10)
    assert len(title) <= MAX_TITLE_LENGTH
    assert owner_of(title, "") == "01m88c2r9jvkxza3zecxbhgt0j"


def test_the_estimate_counts_what_a_license_counts() -> None:
    need = estimate_resources(parse_topology(TAGGED))
    assert need.nodes == 3
    assert need.memory_mb >= 512 * 2 + 1024
    assert need.cores >= 3


FAULTS = [
    ("lab: {title: x, version: 0.3.0}\nnodes: []\n", "nodes", "no nodes"),
    ("lab: {title: x}\nnodes:\n - {id: a, label: A, node_definition: iosv}\n", "lab.version", "missing"),
    (
        "lab: {title: x, version: 9.9}\nnodes:\n - {id: a, label: A, node_definition: iosv}\n",
        "lab.version",
        "not one of",
    ),
    ("lab: {title: x, version: 0.3.0}\nnodes:\n - {id: a, node_definition: iosv}\n", "nodes[0].label", "missing"),
    ("lab: {title: x, version: 0.3.0}\nnodes:\n - 7\n", "nodes[0]", "must be a map"),
    (
        "lab: {title: x, version: 0.3.0}\nnodes:\n - {id: a, label: A, node_definition: iosv}\n"
        " - {id: b, label: A, node_definition: iosv}\n",
        "nodes[1].label",
        "A",
    ),
    (
        "lab: {title: x, version: 0.3.0}\nnodes:\n - {id: a, label: A, node_definition: iosv}\n"
        "links:\n - {id: l, n1: a, i1: i0, n2: zz, i2: i0}\n",
        "links[0]",
        "no",
    ),
]


@pytest.mark.parametrize(("text", "field", "words"), FAULTS)
def test_a_faulty_topology_is_refused_with_field_and_rule(text: str, field: str, words: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        parse_topology(text)
    found = [error for error in refused.value.errors if error.field.startswith(field) and words in error.message]
    assert found, refused.value.errors
    assert found[0].file == "cml.yaml"


def test_two_nodes_that_ask_for_one_port_are_refused() -> None:
    text = (
        "lab: {title: x, version: 0.3.0}\nnodes:\n"
        " - {id: a, label: A, node_definition: iosv, tags: ['serial:5000']}\n"
        " - {id: b, label: B, node_definition: iosv, tags: ['serial:5000']}\n"
    )
    with pytest.raises(ContentRefused, match="asked for twice, by A and B"):
        port_template(parse_topology(text))


def test_a_placeholder_that_no_tag_declares_is_refused() -> None:
    text = (
        "lab: {title: x, version: 0.3.0}\nnodes:\n"
        " - {id: a, label: A, node_definition: iosv, configuration: 'port ${PORT_GHOST}'}\n"
    )
    with pytest.raises(ContentRefused, match="PORT_GHOST"):
        port_template(parse_topology(text))


@pytest.mark.skipif(not LABS.is_dir(), reason=f"no topologies in {LABS}: set LCM_LABS_DIR")
def test_every_shared_topology_with_nodes_is_read_and_rewritten() -> None:
    for file in sorted(LABS.glob("*.yaml")):
        if not yaml.safe_load(file.read_text()).get("nodes"):
            continue
        topology = parse_topology(file.read_bytes())
        slots = port_template(topology)
        text = rewrite_topology(topology, {slot.name: 2000 + n for n, slot in enumerate(slots)}, "s-1")
        again = parse_topology(text)
        assert [node.label for node in again.nodes] == [node.label for node in topology.nodes], file.name
        assert [node.files for node in again.nodes] == [node.files for node in topology.nodes], file.name
