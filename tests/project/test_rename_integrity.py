"""After ``scripts/rename_project.py`` no spelling of the old name is left, and a dry run touches nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
