"""Content packages for the tests, made from topologies of the tests' own or from the shared ones."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.system.platform import ROOT

from demo_parts.package import Package, make_package  # isort: skip  # found through tests.system.platform

LABS = Path(os.environ.get("LCM_LABS_DIR") or ROOT.parent / "shared" / "labs")
TWO_ROUTERS = """
lab: {title: Two routers, version: 0.3.0, description: '', notes: ''}
nodes:
  - {id: n0, label: R1, node_definition: iosv, x: 0, y: 0, configuration: "hostname R1\\n",
     tags: ["serial:5001", "left"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
  - {id: n1, label: R2, node_definition: iosv, x: 200, y: 0, configuration: "hostname R2\\n",
     tags: ["serial:5002"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
links: [{id: l0, n1: n0, i1: i0, n2: n1, i2: i0}]
annotations: []
"""


def two_routers(folder: Path, name: str = "two-routers") -> Package:
    """A graded lab of two routers with console ports."""
    topology = folder / f"{name}.yaml"
    topology.write_text(TWO_ROUTERS)
    return make_package(topology, None)


def shared_labs() -> list[Path]:
    """The shared topologies that hold at least one node, by name."""
    if not LABS.is_dir():
        return []
    files = sorted(LABS.glob("*.yaml"))
    return [file for file in files if yaml.safe_load(file.read_text()).get("nodes")]


def need_shared_labs() -> list[Path]:
    """The shared topologies. Skips the test where the folder is absent."""
    found = shared_labs()
    if not found:
        pytest.skip(f"no topologies in {LABS}: set LCM_LABS_DIR to a folder of CML topologies")
    return found


def package_of(topology: Path, folder: Path, rubric: dict[str, object] | None = None) -> Package:
    """The package of a shared topology, with its default rubric or another one."""
    file = None
    if rubric is not None:
        file = folder / f"{topology.stem}.rubric.yaml"
        file.write_text(yaml.safe_dump(rubric, sort_keys=False))
    # Some names differ only behind the length that a slug keeps.
    digest = hashlib.sha256(topology.stem.encode()).hexdigest()[:8]
    package = make_package(topology, file)
    return replace(package, slug=f"{package.slug[:20].strip('-')}-{digest}")
