"""Everything about a controller that is stored beside its labs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import uuid4

from lcm_simulators.cml.licensing import LicenseState
from lcm_simulators.cml.model import Group, ResourcePool, User

ADMIN_ID = "00000000-0000-4000-a000-000000000000"


def default_connectors() -> dict[str, dict[str, object]]:
    """The two external connectors of a fresh controller."""
    rows: tuple[tuple[str, str, str, list[str], bool], ...] = (
        ("NAT", "virbr0", "NAT", ["192.168.255.1/24"], True),
        ("System Bridge", "bridge0", "BRIDGE", [], True),
    )
    connectors: dict[str, dict[str, object]] = {}
    for label, device, forwarding, networks, protected in rows:
        connector_id = str(uuid4())
        connectors[connector_id] = {
            "id": connector_id, "label": label, "device_name": device, "protected": protected,
            "snooped": True, "tags": [label], "allowed": True,
            "operational": {
                "label": label, "interface": device, "forwarding": forwarding, "mtu": 1500, "exists": True,
                "enabled": True, "stp": False, "ip_networks": networks, "snooped": True, "protected": protected,
            },
        }  # fmt: skip
    return connectors


@dataclass(slots=True)
class Preferences:
    """Settings of the system pages."""

    session_timeout: int = 86_400
    telemetry: str = "unset"
    maintenance: bool = False
    maintenance_notice: str | None = None
    new_host_admission: str = "READY"
    host_admission: str = "READY"
    auth: dict[str, object] = field(default_factory=lambda: {"method": "local"})


@dataclass(slots=True)
class ControllerState:
    """Stored state; labs are stored one by one."""

    powered: bool = True
    ready_at: float = 0.0
    powered_at: float = 0.0
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    compute_id: str = field(default_factory=lambda: str(uuid4()))
    license: LicenseState = field(default_factory=LicenseState)
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    pools: dict[str, ResourcePool] = field(default_factory=dict)
    notices: dict[str, dict[str, object]] = field(default_factory=dict)
    connectors: dict[str, dict[str, object]] = field(default_factory=default_connectors)
    node_definitions: dict[str, dict[str, object]] = field(default_factory=dict)
    image_definitions: dict[str, dict[str, object]] = field(default_factory=dict)
    removed_images: list[str] = field(default_factory=list)
    read_only: dict[str, bool] = field(default_factory=dict)
    dropped_images: list[str] = field(default_factory=list)
    revoked: dict[str, int] = field(default_factory=dict)
    lab_repos: dict[str, dict[str, object]] = field(default_factory=dict)
    preferences: Preferences = field(default_factory=Preferences)
