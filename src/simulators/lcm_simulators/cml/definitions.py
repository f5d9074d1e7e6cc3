"""Between node definitions as data and the documents that the API shows and accepts."""

from __future__ import annotations

from typing import cast

from lcm_simulators.cml.catalog import Naming, NodeDefinition, System

_DRIVER_SYSTEMS = {
    "iosv": System.IOS, "iosvl2": System.IOS, "iol": System.IOS, "iol_l2": System.IOS, "csr1000v": System.IOS,
    "cat8000v": System.IOS, "cat9000v": System.IOS, "nxosv9000": System.NXOS, "iosxrv": System.IOSXR,
    "iosxrv9000": System.IOSXR, "asav": System.ASA,
}  # fmt: skip


def document_of(definition: NodeDefinition) -> dict[str, object]:
    """The full definition as `GET /node_definitions` shows it."""
    physical = [definition.interface_label(slot) for slot in range(definition.slots)]
    interfaces: dict[str, object] = {
        "serial_ports": definition.serial_ports, "physical": physical, "has_loopback_zero": definition.loopback,
        "min_count": 1 if definition.default_interfaces == 1 else min(4, definition.default_interfaces),
        "default_count": definition.default_interfaces,
    }  # fmt: skip
    if definition.loopback:
        interfaces["loopback"] = ["Loopback0"]
    linux: dict[str, object] = {"libvirt_domain_driver": definition.driver, "driver": definition.id}
    for key, value in (("ram", definition.ram), ("cpus", definition.cpus), ("cpu_limit", 100)):
        if value is not None and definition.simulated:
            linux[key] = value
    files: list[object] = []
    if definition.config_file is not None:
        files.append({"editable": True, "name": definition.config_file, "content": default_configuration(definition)})
    return {
        "id": definition.id,
        "boot": {"timeout": max(5, int(definition.boot_seconds * 4)), "completed": ["boot completed"]},
        "sim": {"linux_native": linux, "parameters": {}, "usage_estimations": None},
        "general": {"nature": definition.nature, "description": definition.label, "read_only": definition.read_only},
        "configuration": {
            "generator": {"driver": definition.id if definition.extractable else None},
            "provisioning": {"files": files, "media_type": "iso", "volume_name": "disk"} if files else None,
        },
        "device": {"interfaces": interfaces},
        "ui": {
            "label_prefix": f"{definition.prefix}-", "icon": definition.icon, "label": definition.label,
            "visible": True, "group": "Cisco" if definition.extractable else "Others", "description": definition.label,
        },
        "inherited": {
            "image": {"ram": True, "cpus": True, "data_volume": True, "boot_disk_size": True, "cpu_limit": True},
            "node": {"ram": True, "cpus": True, "data_volume": True, "boot_disk_size": True, "cpu_limit": True},
        },
        "schema_version": "0.0.1",
    }  # fmt: skip


def default_configuration(definition: NodeDefinition) -> str:
    """What a new node of this definition gets when its creator gave no configuration."""
    if definition.id == "external_connector":
        return "NAT"
    if definition.system in {System.IOS, System.NXOS, System.IOSXR, System.ASA}:
        return f"hostname {definition.id}\n"
    return "# this is a shell script which will be sourced at boot\nhostname inserthostname-here\n"


def definition_from_document(document: dict[str, object]) -> NodeDefinition:
    """A definition that a user uploaded."""
    sim = _mapping(_mapping(document, "sim"), "linux_native")
    general, device = _mapping(document, "general"), _mapping(_mapping(document, "device"), "interfaces")
    ui, boot = _mapping(document, "ui"), _mapping(document, "boot")
    physical = tuple(str(name) for name in cast("list[object]", device.get("physical") or ["eth0"]))
    driver = str(sim.get("libvirt_domain_driver") or "kvm")
    provisioning = _mapping(_mapping(document, "configuration"), "provisioning")
    files = cast("list[dict[str, object]]", provisioning.get("files") or [])
    name = str(document["id"])
    return NodeDefinition(
        name, str(ui.get("label") or name), str(general.get("nature") or "server"),
        _DRIVER_SYSTEMS.get(str(sim.get("driver") or ""), System.LINUX), driver, _number(sim.get("ram")),
        _number(sim.get("cpus")), Naming.LISTED, len(physical), _number(device.get("default_count")) or 1,
        min(float(_number(boot.get("timeout")) or 60), 60.0), _number(device.get("serial_ports")) or 0,
        bool(device.get("has_loopback_zero")), None, str(files[0]["name"]) if files else None,
        prefix=str(ui.get("label_prefix") or name).rstrip("-"), icon=str(ui.get("icon") or "server"),
        read_only=bool(general.get("read_only")), listed=physical,
    )  # fmt: skip


def image_documents(definition: NodeDefinition) -> list[dict[str, object]]:
    """The shipped image of a definition as `GET /image_definitions` shows it."""
    if definition.image is None:
        return []
    return [
        {
            "id": definition.image,
            "node_definition_id": definition.id,
            "label": definition.image,
            "description": f"{definition.label} image",
            "disk_image": f"{definition.image}.qcow2",
            "read_only": True,
            "disk_subfolder": definition.image,
            "schema_version": "0.0.1",
            "ram": None,
            "cpus": None,
            "cpu_limit": None,
            "data_volume": None,
            "boot_disk_size": None,
        }
    ]


def _mapping(document: dict[str, object], key: str) -> dict[str, object]:
    value = document.get(key)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None
