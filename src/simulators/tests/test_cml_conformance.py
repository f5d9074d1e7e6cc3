"""The vendor's own client, unmodified, against the simulator: `virl2-client` in its own environment, as a program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cml_topologies import meaning
from cml_world import PASSWORD, CmlProcess, cml_process

ROOT = Path(__file__).resolve().parents[3]
DRIVER = Path(__file__).parent / "virl2_driver"
TOPOLOGIES = sorted((ROOT.parent / "shared" / "labs").glob("*.yaml"))
LEAST_OPERATIONS = 90
VERSIONS = ("2.8.0+build.8", "2.9.1+build.7", "2.10.0+build.3")


@pytest.fixture(scope="module")
def python_of_client() -> Path:
    """The interpreter of the client's environment."""
    tools = Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bootstrap_tools.py"), "virl2"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"`python scripts/bootstrap_tools.py virl2` failed: {made.stderr.strip()[-400:]}")
    return tools / "venvs" / "virl2" / "bin" / "python"


@pytest.fixture(scope="module")
def cml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    with cml_process(tmp_path_factory.mktemp("cml")) as process:
        yield process


def drive(
    python: Path, cml: CmlProcess, program: str, instance_id: str, *files: str, **config: object
) -> dict[str, str]:
    """Outcome of every operation, none of which may have failed."""
    view = cml.power_on(instance_id, **config)
    url = f"https://{view['address']}:{view['port']}/"
    finished = subprocess.run(
        [str(python), str(DRIVER), program, url, PASSWORD, str(cml.authority), *files],
        capture_output=True, text=True, check=False, timeout=240, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    lines = finished.stdout.strip().splitlines()
    assert lines, finished.stderr[-4000:]
    outcomes: dict[str, str] = json.loads(lines[-1])
    failed = [f"{name}: {trouble}" for name, trouble in outcomes.items() if trouble]
    assert not failed, "\n".join(failed)
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_vendors_client_works_unmodified(python_of_client: Path, cml: CmlProcess, version: str) -> None:
    instance = f"conform-{version.split('+')[0].replace('.', '-')}"

    outcomes = drive(python_of_client, cml, "operations", instance, version=version)

    assert len(outcomes) >= LEAST_OPERATIONS
    called = {entry["operation"] for entry in cml.journal() if entry["key"] == instance and entry["status"] < 400}
    assert len(called) >= LEAST_OPERATIONS, sorted(called)
    assert "unknown" not in {e["operation"] for e in cml.journal() if e["key"] == instance and e["method"] != "GET"}


@pytest.mark.slow
@pytest.mark.skipif(not TOPOLOGIES, reason="the shared topologies are not beside this checkout")
def test_every_shared_topology_survives_import_start_export_and_import(
    python_of_client: Path, cml: CmlProcess, tmp_path: Path
) -> None:
    files = [str(file) for file in TOPOLOGIES]

    drive(python_of_client, cml, "topologies", "round-trips", str(tmp_path), *files, max_nodes_unlicensed=200)

    for file in TOPOLOGIES:
        given, first, second = (
            meaning(yaml.safe_load(text.read_text(encoding="utf-8")))
            for text in (file, tmp_path / f"{file.stem}.first.yaml", tmp_path / f"{file.stem}.second.yaml")
        )
        assert first == given, f"{file.name}: the export differs from the file"
        assert second == first, f"{file.name}: the export of the export differs"


def test_the_clients_version_gate_refuses_an_old_controller(python_of_client: Path, cml: CmlProcess) -> None:
    view = cml.power_on("too-old", version="2.7.2+build.26")
    code = (
        "import sys; from virl2_client import ClientLibrary as C; C(sys.argv[1], 'admin', 'x', ssl_verify=sys.argv[2])"
    )
    arguments: list[Any] = [python_of_client, "-c", code, f"https://127.0.0.1:{view['port']}/", cml.authority]

    finished = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)

    assert finished.returncode == 1
    assert "Please use a compatible version" in finished.stderr or "InitializationError" in finished.stderr
