"""After ``scripts/rename_project.py`` no spelling of the old name is left, and a dry run touches nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")
OWN_TESTS = (
    "src/core/tests/test_clock.py",
    "src/core/tests/test_content_documents.py",
    "src/core/tests/test_controller_loop.py",
    "src/core/tests/test_topology.py",
    "src/core/tests/test_work_queue.py",
    "src/control-plane-api/tests/test_session_aggregate.py",
    "src/lablet-controller/tests/test_lablet_session_decisions.py",
    "tests/project/test_containers.py",
    "tests/project/test_helm.py",
    "tests/project/test_house_rules.py",
    "tests/project/test_observability.py",
)
"""Those that take seconds: of the core, the domain, a controller, and of what is written for the deployment."""
WORDS = ("Lablet", "Cloud", "Manager")
OLD_SPELLINGS = (
    " ".join(WORDS),
    "-".join(WORDS).lower(),
    "_".join(WORDS).lower(),
    "".join(WORDS),
    "_".join(WORDS).upper(),
)


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's files in a folder of their own."""
    for name in _tracked():
        target = tmp_path / "project" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return tmp_path / "project"


def _rename(copy: Path, *options: str) -> str:
    command = [sys.executable, str(ROOT / "scripts/rename_project.py"), "--new-name", "Acme Tasks", "--root", str(copy)]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout


def _residues(copy: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(copy.rglob("*")):
        if path.is_file():
            content = path.read_bytes().decode(errors="ignore") + path.name
            left = [spelling for spelling in OLD_SPELLINGS if spelling in content]
            if left:
                found[str(path.relative_to(copy))] = left
    return found


def test_rename_integrity(copy: Path) -> None:
    assert _residues(copy)
    _rename(copy, "--update-keycloak")
    assert _residues(copy) == {}


def test_a_dry_run_of_the_rename_changes_nothing(copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    said = _rename(copy, "--dry-run")
    assert "would change" in said
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_the_realm_keeps_its_name_unless_asked(copy: Path) -> None:
    _rename(copy)
    assert "KEYCLOAK_REALM=" + OLD_SPELLINGS[1] in (copy / ".env.example").read_text()
    assert "Acme Tasks" in (copy / "README.md").read_text()


def test_a_spelling_can_be_chosen_and_the_folders_limited(copy: Path) -> None:
    _rename(copy, "--include", "docs", "--title", "ACME tasks")
    assert "ACME tasks" in (copy / "docs/index.md").read_text()
    assert "ACME tasks" not in (copy / "README.md").read_text()


@pytest.mark.slow
def test_the_renamed_copy_passes_its_own_tests(copy: Path) -> None:
    """With this environment's libraries, and with the copy's own packages before those of the original."""
    _rename(copy, "--update-keycloak")
    packages = sorted({str(path.parents[1]) for path in copy.glob("src/*/*/__init__.py")})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(packages), "LCM_TOOLS_DIR": str(TOOLS)}
    environment.pop("PYTEST_CURRENT_TEST", None)

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )

    where = run("-c", "import lcm_core, control_plane_api as plane; print(lcm_core.__file__, plane.__file__)")
    assert all(name.startswith(str(copy)) for name in where.stdout.split()), where.stdout + where.stderr
    ran = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", "-m", "not slow and not browser", *OWN_TESTS)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    checked = run("scripts/check_rules.py")
    assert checked.returncode == 0, checked.stdout[-2000:] + checked.stderr[-2000:]
