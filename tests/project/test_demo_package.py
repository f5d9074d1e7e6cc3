"""The demo makes a content package that holds the topology unchanged, its devices and an honest default rubric."""

import io
import os
import re
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LABS = Path(os.environ.get("LCM_LABS_DIR") or ROOT.parent / "shared" / "labs")
sys.path.insert(0, str(ROOT / "scripts"))

from demo_parts.package import DemoError, make_package  # noqa: E402

TOPOLOGY = """
lab: {title: Two routers, version: 0.3.0}
nodes:
  - {id: n0, label: R1, node_definition: iosv, configuration: "hostname R1.a\\ninterface Gi0/0\\n"}
  - {id: n1, label: R2, node_definition: iol-xe, configuration: [{name: ios_config.txt, content: "hostname R2\\n"}]}
  - {id: n2, label: PC, node_definition: desktop, configuration: "# nothing"}
  - {id: n3, label: net, node_definition: external_connector}
links: []
"""


def _open(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def test_the_package_holds_the_topology_as_it_was_and_its_devices(tmp_path: Path) -> None:
    path = tmp_path / "two-routers.yaml"
    path.write_text(TOPOLOGY)
    package = make_package(path, None)
    with _open(package.content) as archive:
        assert archive.read("cml.yaml").decode() == TOPOLOGY
        devices = re.findall(r'device_label="([^"]+)"', archive.read("content.xml").decode())
    assert devices == ["R1", "R2", "PC"]
    assert (package.title, package.nodes) == ("Two routers", 4)


def test_the_default_rubric_checks_the_host_name_of_each_configured_device(tmp_path: Path) -> None:
    path = tmp_path / "two-routers.yaml"
    path.write_text(TOPOLOGY)
    with _open(make_package(path, None).content) as archive:
        rubric = yaml.safe_load(archive.read("rubric.yaml"))
    checks = {check["device"]: check["must_match"] for check in rubric["sections"][0]["checks"]}
    assert set(checks) == {"R1", "R2"}
    assert re.search(checks["R1"], "version 15\nhostname R1.a\n", re.MULTILINE)
    assert not re.search(checks["R1"], "hostname R1xa\n", re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "message"),
    [("nodes: []", "no nodes"), ("- 1", "no nodes"), ("a: [", "is not YAML")],
)
def test_a_topology_that_cannot_run_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(DemoError, match=message):
        make_package(path, None)


def test_every_shared_topology_makes_a_package_or_says_why_not() -> None:
    if not LABS.exists():
        pytest.skip(f"no topologies at {LABS}; set LCM_LABS_DIR")
    refused = []
    for path in sorted(LABS.glob("*.yaml")):
        try:
            make_package(path, None)
        except DemoError as error:
            refused.append(str(error))
    assert len(refused) <= 1
