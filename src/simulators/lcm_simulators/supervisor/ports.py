"""The TCP ports of the platform, and who sits on one that should be free."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

import psutil

from lcm_simulators.embedded.process import free_port


class PortTakenError(RuntimeError):
    """A port of the platform is used by another process; the message names it and the setting to change."""


@dataclass(frozen=True)
class Ports:
    """One port per listener. ``SETTINGS`` names the environment variable that moves each."""

    control_plane: int = 8000
    resource_scheduler: int = 8081
    lablet_controller: int = 8082
    worker_controller: int = 8083
    identity: int = 8021
    database: int = 8022
    etcd: int = 8030
    etcd_peer: int = 8031
    ec2: int = 8040
    moto: int = 8041
    cml: int = 8042
    lds: int = 8043
    grading: int = 8044

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """The usual ports, each moved by its setting. Raises ``ValueError`` naming the setting that is no port."""
        chosen: dict[str, int] = {}
        for name, setting in SETTINGS.items():
            text = environment.get(setting, "")
            if not text:
                continue
            if not text.isdigit() or not 0 < int(text) < 65536:
                raise ValueError(f"{setting}={text} is not a port number between 1 and 65535")
            chosen[name] = int(text)
        return cls(**chosen)

    @classmethod
    def ephemeral(cls) -> "Ports":
        """Free ports, all different: for tests and for a second platform on one machine."""
        chosen: set[int] = set()
        while len(chosen) < len(fields(cls)):
            chosen.add(free_port())
        return cls(*chosen)


SETTINGS = {
    "control_plane": "APP_PORT",
    "resource_scheduler": "LCM_RESOURCE_SCHEDULER_PORT",
    "lablet_controller": "LCM_LABLET_CONTROLLER_PORT",
    "worker_controller": "LCM_WORKER_CONTROLLER_PORT",
    "identity": "LCM_IDENTITY_PORT",
    "database": "LCM_DATABASE_PORT",
    "etcd": "LCM_ETCD_PORT",
    "etcd_peer": "LCM_ETCD_PEER_PORT",
    "ec2": "LCM_EC2_PORT",
    "moto": "LCM_MOTO_PORT",
    "cml": "LCM_CML_PORT",
    "lds": "LCM_LDS_PORT",
    "grading": "LCM_GRADING_PORT",
}


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: a connection of an earlier run that lingers in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, PermissionError):
        # macOS shows other users' sockets to root only.
        return "another process"
    return "another process"


def refuse_taken(ports: Ports, names: set[str]) -> None:
    """Check the ports of the processes about to start. Raises ``PortTakenError`` listing every one that is taken."""
    taken = [
        f"port {getattr(ports, name)} ({name.replace('_', ' ')}) is used by {_owner(getattr(ports, name))}; "
        f"stop it or set {SETTINGS[name]}"
        for name in sorted(names)
        if _is_taken(getattr(ports, name))
    ]
    if taken:
        raise PortTakenError("\n".join(taken))


def environment_with_local_file(text: str) -> dict[str, str]:
    """Merge the assignments of ``.env.local`` under the real environment, which wins."""
    merged: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            merged[name.removeprefix("export ").strip()] = value.split(" #")[0].strip().strip("\"'")
    return {**merged, **os.environ}
