"""Topologies as they come back from CML: the author's, apart from ports, title and notes."""

import asyncio
from pathlib import Path

import pytest
from lablet_rig import ROOT, Rig, package

from lablet_controller.adapters.cml_labs import HttpCmlLabs
from lablet_controller.content.package import read_package
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.sessions import UserSessionView
from lcm_core.domain.vocabulary import SessionPhase
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.topology import Topology, owner_of, parse_port_tag, parse_topology, rewrite_topology

pytestmark = pytest.mark.asyncio(loop_scope="session")
SHARED = ROOT.parent / "shared" / "labs"
TAGGED = """
lab: {title: Tags, version: 0.3.0, description: "about ${PORT_WEB}", notes: ''}
nodes:
  - {id: n0, label: R1, node_definition: iosv, x: 0, y: 0, configuration: "hostname R1\\n! ${PORT_WEB}\\n",
     tags: ["serial:5001", "VLAN10", "pat:tcp:${PORT_WEB}:80", "pat:udp:6001:161", "ssh:6002"], interfaces: []}
  - {id: n1, label: PC, node_definition: desktop, x: 200, y: 0, tags: ["core"], interfaces: []}
  - {id: n2, label: Net, node_definition: external_connector, x: 0, y: 0, configuration: NAT, interfaces: []}
links: []
smart_annotations: [{tag: VLAN10, label: ten}, {tag: "serial:5001", label: console}]
"""


def shape(topology: Topology) -> dict[str, object]:
    """Everything that must survive: nodes with configurations and other tags, and links by what they join."""
    names = {node.id: node.label for node in topology.nodes}
    slots = {(node.id, each.id): each.label for node in topology.nodes for each in node.interfaces}
    nodes = {
        node.label: (
            node.node_definition,
            node.configuration,
            tuple(tag for tag in node.tags if parse_port_tag(tag) is None),
            len(node.interfaces),
        )
        for node in topology.nodes
    }
    links = {
        frozenset(
            {
                (names[link.node_a], slots[link.node_a, link.interface_a]),
                (names[link.node_b], slots[link.node_b, link.interface_b]),
            }
        )
        for link in topology.links
    }
    return {"nodes": nodes, "links": links}


async def target_of(rig: Rig) -> CmlTarget:
    worker = await rig.worker()
    password = rig.world.settings.secret("LCM_CML_PASSWORD")
    return CmlTarget(worker.id, worker.status.endpoint, "admin", password)


def adapter(rig: Rig) -> HttpCmlLabs:
    return HttpCmlLabs(ca_bundle=str(rig.world.data_dir / "cml/ca/ca.pem"))


async def test_every_kind_of_port_is_filled_in_and_other_tags_stay(rig: Rig) -> None:
    read = read_package(package({"cml.yaml": TAGGED}))
    ports = {slot.name: 3000 + index for index, slot in enumerate(read.ports)}
    cml, target = adapter(rig), await target_of(rig)
    lab_id = await cml.import_lab(target, rewrite_topology(read.topology, ports, "s1"))
    back = parse_topology(await cml.export(target, lab_id))
    await cml.close()
    router, desktop = back.node("R1"), back.node("PC")
    assert router is not None
    assert desktop is not None
    web = ports["WEB"]
    assert "VLAN10" in router.tags
    assert f"pat:tcp:{web}:80" in router.tags
    assert f"! {web}" in router.configuration
    assert len([tag for tag in router.tags if parse_port_tag(tag) is not None]) == 4
    assert desktop.tags == ("core", f"vnc:{ports['PC_VNC']}")
    assert back.description == f"about {web}"
    assert {note.tag for note in back.smart_annotations} >= {"VLAN10"}


async def test_a_session_reaches_its_devices_by_every_kind_of_port(rig: Rig) -> None:
    definition, worker = await rig.define(package({"cml.yaml": TAGGED}), graded=False), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, SessionPhase.READY)
    assert ready.status.placement is not None
    assert ready.status.lab is not None
    ports = ready.status.placement.ports
    path = f"/api/lablet-sessions/{session.id}/user-session"
    child = await rig.api.call("GET", path, response=UserSessionView)
    assert sorted(child.devices) == ["PC", "R1"]
    host = worker.status.endpoint.split("://")[1].rsplit(":", 1)[0]
    _, writer = await asyncio.wait_for(asyncio.open_connection(host, ports["R1_SERIAL"]), 10)
    writer.close()
    async with rig.cml(worker) as http:
        back = parse_topology((await http.get(f"/labs/{ready.status.lab.cml_lab_id}/download")).text)
    router = back.node("R1")
    assert router is not None
    assert set(router.tags) == {
        f"serial:{ports['R1_SERIAL']}",
        "VLAN10",
        f"pat:tcp:{ports['WEB']}:80",
        f"pat:udp:{ports['R1_PAT_UDP_161']}:161",
        f"ssh:{ports['R1_SSH']}",
    }
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, SessionPhase.TERMINATED)


def shared_topologies() -> list[Path]:
    return sorted(SHARED.glob("*.yaml")) if SHARED.is_dir() else []


async def test_every_shared_topology_comes_back_as_it_was_apart_from_ports(rig: Rig) -> None:
    files = shared_topologies()
    if not files:
        pytest.skip(f"no topologies in {SHARED}")
    cml, target = adapter(rig), await target_of(rig)
    for file in files:
        try:
            read = read_package(package({"cml.yaml": file.read_bytes()}))
        except ContentRefused:
            continue  # the one without nodes, see the tests of packages
        ports = {slot.name: 3000 + index for index, slot in enumerate(read.ports)}
        lab_id = await cml.import_lab(target, rewrite_topology(read.topology, ports, f"s-{file.stem[:30]}"))
        info = await cml.lab(target, lab_id)
        assert owner_of(info.title, info.notes) == f"s-{file.stem[:30]}"
        assert info.state is LabState.DEFINED
        back = parse_topology(await cml.export(target, lab_id))
        assert shape(back) == shape(read.topology), file.name
        given = {int(tag.outside) for node in back.nodes for each in node.tags if (tag := parse_port_tag(each))}
        assert given == set(ports.values()), file.name
    await cml.close()
