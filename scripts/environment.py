#!/usr/bin/env python3
"""``make info`` and ``make env-check``: what this project is, and what the machine has and lacks for it."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PORTS = {
    "APP_PORT": (8000, "console and API"),
    "LCM_IDENTITY_PORT": (8021, "identity provider"),
    "LCM_DATABASE_PORT": (8022, "database"),
    "LCM_ETCD_PORT": (8030, "etcd clients"),
    "LCM_ETCD_PEER_PORT": (8031, "etcd peers"),
    "LCM_EC2_PORT": (8040, "EC2 world (EC2, CloudWatch, S3)"),
    "LCM_MOTO_PORT": (8041, "AWS API behind it"),
    "LCM_CML_PORT": (8042, "CML simulator"),
    "LCM_LDS_PORT": (8043, "LDS simulator"),
    "LCM_GRADING_PORT": (8044, "grading simulator"),
    "LCM_RESOURCE_SCHEDULER_PORT": (8081, "resource scheduler"),
    "LCM_LABLET_CONTROLLER_PORT": (8082, "lablet controller"),
    "LCM_WORKER_CONTROLLER_PORT": (8083, "worker controller"),
}


def version_of(program: str, argument: str = "--version") -> str:
    """First line a program says about its version; empty when it is not there."""
    found = shutil.which(program)
    if not found:
        return ""
    result = subprocess.run([found, argument], capture_output=True, text=True, check=False)
    lines = (result.stdout or result.stderr).strip().splitlines()
    return lines[0] if result.returncode == 0 and lines else ""


def is_free(port: int) -> bool:
    """Whether this machine's loopback address has the port free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def info() -> int:
    """Name, version and addresses."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    print(f"{project['name']} {project['version']}: {ROOT}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}\n")
    for setting, (port, meaning) in PORTS.items():
        print(f"  127.0.0.1:{os.environ.get(setting, port)!s:<6} {meaning:<34} {setting}")
    print("\nUsers: admin, manager, user, author, manager2, user2 (password: test)")
    return 0


def check() -> int:
    """One line per requirement; 1 when something needed by `make run` is missing."""
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    rows = [
        (supported, f"Python {platform.python_version()}", "3.11 to 3.13 is needed (set PYTHON=python3.11)"),
        (bool(version_of("make")), version_of("make"), "make is needed"),
        (True, version_of("poetry") or "Poetry: not installed, one of our own is used", ""),
        (True, version_of("node") or "Node: not installed, only building the console needs it", ""),
        (True, version_of("docker") or "Docker: not installed, only `make up` needs it", ""),
    ]
    disk = shutil.disk_usage(ROOT).free / 2**30
    rows.append((disk > 2, f"{disk:.0f} GiB free disk", "2 GiB are needed"))
    for setting, (port, meaning) in PORTS.items():
        number = int(os.environ.get(setting) or port)
        rows.append((is_free(number), f"port {number} ({meaning})", f"in use: stop that process or set {setting}"))
    for good, what, advice in rows:
        print(f"  {'ok     ' if good else 'MISSING'} {what}{'' if good else ': ' + advice}")
    return 0 if all(good for good, _, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["check"] else info())
