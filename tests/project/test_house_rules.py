"""The repository follows its own rules: see ``scripts/check_rules.py``, and the locks agree with each other."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([ROOT / "poetry.lock", *ROOT.glob("src/*/poetry.lock")])


def _versions(lock: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text())["package"]:
        found.setdefault(package["name"], set()).add(package["version"])
    return found


def test_the_house_rules_hold() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "check_rules.py")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_every_package_has_a_lock() -> None:
    packages = {path.parent for path in ROOT.glob("src/*/pyproject.toml")}
    assert {lock.parent for lock in LOCKS} == packages | {ROOT}


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.parent != ROOT], ids=lambda lock: lock.parent.name)
def test_a_package_locks_the_versions_that_the_root_locks(lock: Path) -> None:
    shared = _versions(ROOT / "poetry.lock")
    different = {
        name: (sorted(versions), sorted(shared.get(name, set())))
        for name, versions in _versions(lock).items()
        if not versions <= shared.get(name, set())
    }
    assert different == {}, f"run `python scripts/lock.py`: {different}"
