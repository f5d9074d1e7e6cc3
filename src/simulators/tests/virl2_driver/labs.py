"""Labs, nodes, interfaces, links and annotations through the vendor's client."""

from __future__ import annotations

from typing import Any

from recorder import Recorder
from virl2_client import ClientLibrary
from virl2_client.exceptions import LabNotFound, NodeNotFound

FAST = {"wait_time": 0.1}


def build(record: Recorder, client: ClientLibrary) -> Any:
    """A lab of two routers, a switch, an outside connector and a host."""
    lab = record.do("create_lab", lambda: client.create_lab("Conformance"), lambda lab: lab.title == "Conformance")
    lab.wait_time = 0.1
    lab.auto_sync_interval = 0.0  # every property is read from the controller
    record.do("lab.description=", lambda: setattr(lab, "description", "What it is for"))
    record.do("lab.notes=", lambda: setattr(lab, "notes", "# Notes"))
    record.do("lab.title=", lambda: setattr(lab, "title", "Conformance run"))
    record.do("lab.details", lab.details, lambda details: details["lab_notes"] == "# Notes")
    record.do("lab.owner", lambda: lab.owner, lambda owner: owner == "admin")
    r1 = record.do("create_node", lambda: lab.create_node("r1", "iosv", 0, 0, populate_interfaces=True))
    r2 = lab.create_node("r2", "iosv", 200, 0, populate_interfaces=True, configuration="hostname r2\n")
    s1 = lab.create_node("s1", "iosvl2", 100, 100)
    lab.create_node("out", "external_connector", 100, 200, populate_interfaces=True)
    pc = lab.create_node("pc", "alpine", 300, 300, populate_interfaces=True)
    record.do("lab.sync", lambda: lab.sync(topology_only=True))
    record.do("create_interface without slot", lambda: lab.create_interface(s1), lambda made: made.slot == 0)
    record.do("create_interface with slot", lambda: lab.create_interface(s1, 6), lambda made: made.slot == 6)
    record.do("node.physical_interfaces", s1.physical_interfaces, lambda found: len(found) == 7)
    record.do("create_link", lambda: lab.create_link(r1.get_interface_by_slot(0), r2.get_interface_by_slot(0)))
    record.do("connect_two_nodes", lambda: lab.connect_two_nodes(r1, s1))
    lab.connect_two_nodes(s1, pc)
    record.do("lab.nodes", lab.nodes, lambda nodes: {node.label for node in nodes} == {"r1", "r2", "s1", "out", "pc"})
    record.do("lab.links", lab.links, lambda links: len(links) == 3)
    record.do("lab.interfaces", lab.interfaces, lambda found: len(found) > 10)
    record.refused("a second node of a label", lambda: lab.create_node("r1", "iosv"), 400, "already exists")
    return lab


def change(record: Recorder, lab: Any) -> None:
    """Properties, tags, configurations, annotations."""
    r1, pc = lab.get_node_by_label("r1"), lab.get_node_by_label("pc")
    for name, value in (("x", 50), ("y", 60), ("ram", 1024), ("cpus", 2), ("cpu_limit", 80), ("hide_links", True),
                        ("image_definition", "iosv-159-3-m10"), ("label", "core")):  # fmt: skip
        record.do(f"node.{name}=", lambda name=name, value=value: setattr(r1, name, value))
    lab.sync(topology_only=True)
    record.do("node properties read back", lambda: (r1.x, r1.ram, r1.label), lambda got: got == (50, 1024, "core"))
    record.do("node.data_volume=", lambda: setattr(pc, "data_volume", 2))
    record.do("node.boot_disk_size=", lambda: setattr(pc, "boot_disk_size", 16))
    record.do("node.configuration=", lambda: setattr(r1, "configuration", "hostname core\n"))
    lab.sync(exclude_configurations=False)  # by itself the client reads them again only after its interval
    record.do("node.configuration", lambda: r1.configuration, lambda text: text == "hostname core\n")
    record.do("node.configuration_files", lambda: r1.configuration_files,
              lambda files: [file["name"] for file in files] == ["ios_config.txt"])  # fmt: skip
    files = [{"name": "node.cfg", "content": "hostname pc\n"}]
    record.do("node.configuration= with named files", lambda: setattr(pc, "configuration", files))
    record.do("node.update_parameters", lambda: pc.update_parameters({"smbios.bios.vendor": "Simulated"}))
    record.do("node.add_tag", lambda: r1.add_tag("serial:2001"))
    record.do("lab.find_nodes_by_tag", lambda: lab.find_nodes_by_tag("serial:2001"), lambda found: found == [r1])
    smart = record.do("lab.get_smart_annotation_by_tag", lambda: lab.get_smart_annotation_by_tag("serial:2001"))
    record.do("smart_annotation.update", lambda: smart.update({"label": "Console of core", "padding": 40}))
    record.do("node.remove_tag", lambda: r1.remove_tag("serial:2001"))
    interface = r1.get_interface_by_slot(3)
    record.do("interface.mac_address=", lambda: setattr(interface, "mac_address", "52:54:00:aa:bb:cc"))
    shapes = {}
    for kind in ("rectangle", "ellipse", "line", "text"):
        shapes[kind] = record.do(f"create_annotation {kind}", lambda kind=kind: lab.create_annotation(kind, x1=5))
    record.do("annotation.update", lambda: shapes["text"].update({"text_content": "Here", "type": "text"}))
    record.do("annotation.color=", lambda: setattr(shapes["line"], "color", "#FF0000FF"))
    record.do("annotation.remove", lambda: shapes["ellipse"].remove())
    record.do("lab.annotations", lab.annotations, lambda found: len(found) == 3)


def live(record: Recorder, lab: Any) -> None:
    """Start, look at it, stop, wipe."""
    record.do("build_configurations", lab.build_configurations)
    record.do("lab.start", lambda: lab.start(wait=False))
    record.do("lab.is_active", lab.is_active, lambda active: active)
    record.do("wait_until_lab_converged", lambda: lab.wait_until_lab_converged(200, 0.1))
    record.do("lab.has_converged", lab.has_converged, lambda converged: converged)
    record.do("lab.state", lab.state, lambda state: state == "STARTED")
    lab.sync_states()  # by itself the client reads them again only after its interval
    record.do("node.state", lambda: [node.state for node in lab.nodes()], lambda states: set(states) == {"BOOTED"})
    core, link = lab.get_node_by_label("core"), lab.links()[0]
    record.do("node.is_booted", core.is_booted, lambda booted: booted)
    record.do("node.console_logs", lambda: core.console_logs(0), lambda text: "Press RETURN" in str(text))
    record.do("node.console_logs lines", lambda: core.console_logs(0, 1), lambda text: len(str(text).splitlines()) == 1)
    record.do("node.console_key", core.console_key, lambda key: len(key) == 36)
    record.do("node.vnc_key", lab.get_node_by_label("pc").vnc_key, lambda key: len(key) == 36)
    record.refused("vnc_key of a router", core.vnc_key, 404)
    record.do("node.extract_configuration", core.extract_configuration)
    record.do("node.compute_id", lambda: core.compute_id, lambda found: len(found) == 36)
    record.do("node.operational", lambda: core.operational, lambda found: found["cpus"] == 2)
    record.do("lab.sync_statistics", lab.sync_statistics)
    record.do("node.cpu_usage", lambda: core.cpu_usage, lambda usage: usage > 0)
    record.do("lab.sync_states", lab.sync_states)
    record.do("lab.sync_layer3_addresses", lab.sync_layer3_addresses)
    record.do("node.sync_layer3_addresses", core.sync_layer3_addresses)
    record.do("lab.sync_operational", lab.sync_operational)
    record.do(
        "interface.operational", lambda: core.get_interface_by_slot(0).operational, lambda found: "mac_address" in found
    )
    record.do("lab.sync_events", lab.sync_events, lambda changed: changed)
    record.do("link.state", lambda: link.state, lambda state: state == "STARTED")
    record.do("link.stop", lambda: link.stop(wait=False))
    record.do("link.start", lambda: link.start(wait=False))
    record.do("link.has_converged", link.has_converged, lambda converged: converged)
    _wire(record, link)
    record.do("interface.shutdown", lambda: core.get_interface_by_slot(1).shutdown())
    record.do("interface.bring_up", lambda: core.get_interface_by_slot(1).bring_up())
    record.do("interface.state", lambda: core.get_interface_by_slot(0).state, lambda state: state == "STARTED")
    record.refused("wipe while it runs", lab.wipe, 400, "must be stopped")
    record.do("node.stop", lambda: core.stop(wait=True))
    record.do("node.wipe", lambda: core.wipe(wait=True))
    record.do("node.start", lambda: core.start(wait=False))
    record.do("node.wait_until_converged", lambda: core.wait_until_converged(100, 0.1))
    record.do("lab.stop", lambda: lab.stop(wait=True))


def _wire(record: Recorder, link: Any) -> None:
    record.do("link.set_condition", lambda: link.set_condition(bandwidth=1000, latency=20, jitter=5, loss=1.5))
    record.do("link.get_condition", link.get_condition, lambda found: found["latency"] == 20)
    record.do("link.set_condition_by_name", lambda: link.set_condition_by_name("wifi"))
    record.do("link.remove_condition", link.remove_condition)
    key = record.do("link.start_capture", lambda: link.start_capture(maxpackets=10), lambda found: found["config"])
    record.do("link.capture_status", link.capture_status, lambda found: found["config"] == key["config"])
    record.do("link.stop_capture", link.stop_capture)
    packets = record.do("link.get_capture_packets", link.get_capture_packets, lambda found: isinstance(found, list))
    if packets:
        record.do("link.get_capture_packet", lambda: link.get_capture_packet(packets[0]["no"]))
    record.do("link.download_capture", link.download_capture, lambda data: data[:4] == bytes.fromhex("d4c3b2a1"))


def exchange(record: Recorder, client: ClientLibrary, lab: Any) -> None:
    """Export, import, find, share, delete."""
    text = record.do("lab.download", lab.download, lambda text: "node_definition: iosv" in text)
    copy = record.do("import_lab", lambda: client.import_lab(text, title="Copy"), lambda lab: lab.title == "Copy")
    record.do("find_labs_by_title", lambda: client.find_labs_by_title("Copy"), lambda found: len(found) == 1)
    record.do("get_lab_list", lambda: client.get_lab_list(show_all=True), lambda ids: {lab.id, copy.id} <= set(ids))
    record.do("all_labs", lambda: client.all_labs(show_all=True), lambda labs: len(labs) >= 2)
    record.do("join_existing_lab", lambda: client.join_existing_lab(copy.id), lambda found: found.id == copy.id)
    record.do("lab.get_pyats_testbed", lab.get_pyats_testbed, lambda text: "terminal_server" in text)
    record.do("lab.connector_mappings", lambda: lab.connector_mappings, lambda rows: rows[0]["key"] == "NAT")
    mapping = [{"key": "NAT", "device_name": "bridge0"}]
    record.do("lab.update_connector_mappings", lambda: lab.update_connector_mappings(mapping),
              lambda rows: rows[0]["device_name"] == "bridge0")  # fmt: skip
    record.do("get_sample_labs", client.get_sample_labs, lambda found: "Two routers" in found)
    sample = record.do("import_sample_lab", lambda: client.import_sample_lab("Two routers"))
    link = copy.links()[0]
    record.do("lab.remove_link", lambda: copy.remove_link(link))
    record.do("link.remove", lambda: copy.links()[0].remove())
    record.do("interface.remove", lambda: copy.get_node_by_label("core").get_interface_by_slot(3).remove())
    gone = copy.get_node_by_label("pc")
    record.do("lab.remove_node", lambda: copy.remove_node(gone))
    record.do("a removed node is stale", lambda: _raises(NodeNotFound, lambda: gone.state))
    record.do("lab.remove_annotations", copy.remove_annotations)
    record.do("lab.remove", copy.remove)
    record.do("a removed lab is stale", lambda: _raises(LabNotFound, lambda: copy.state()))
    record.do("remove_lab", lambda: client.remove_lab(sample))
    record.do("lab.wipe", lambda: lab.wipe(wait=True))


def clone(record: Recorder, lab: Any) -> None:
    """A new image from the disk of a stopped node (since 2.9)."""
    node = lab.get_node_by_label("r2")
    record.refused("clone_image of a node without a disk", node.clone_image, 400)
    node.start(wait=False)
    node.wait_until_converged(100, 0.1)
    node.stop(wait=True)
    record.do("node.clone_image", node.clone_image, lambda image: image["node_definition_id"] == "iosv")
    node.wipe(wait=True)


def _raises(kind: type[Exception], call: Any) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
