#!/usr/bin/env python3
"""Lock every package so that all of them agree on one version of each library.

The root is resolved first; each package then starts from the root's lock, which Poetry keeps as far as it still fits,
so the root's ``poetry.lock`` is the shared constraint. ``tests/project/test_locks.py`` fails when two locks disagree.

Usage: ``python scripts/lock.py`` (``--upgrade`` looks for newer versions).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = tuple(sorted(path.parent.name for path in (ROOT / "src").glob("*/pyproject.toml")))


def poetry_command() -> list[str]:
    """Return how to call Poetry: the one on PATH, else the one in ``.tools``."""
    own = ROOT / ".tools" / "venvs" / "poetry" / "bin" / "poetry"
    if own.exists():
        return [str(own)]
    found = shutil.which("poetry")
    if found:
        return [found]
    sys.exit("Poetry is not installed: run `python scripts/bootstrap_tools.py poetry`")


def environment() -> dict[str, str]:
    """Environment of a Poetry that uses the package index pip is set up for; nothing of it enters a lock file."""
    variables = {**os.environ, "POETRY_VIRTUALENVS_CREATE": "false"}
    default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    known = subprocess.run([sys.executable, "-c", default], capture_output=True, text=True, check=False).stdout.strip()
    if index := variables.get("PIP_INDEX_URL") or known:
        variables.setdefault("POETRY_PYPI_MIRROR_URL", index)
    if certificates := variables.get("PIP_CERT"):
        variables.setdefault("REQUESTS_CA_BUNDLE", certificates)
    return variables


def lock(folder: Path, *, upgrade: bool) -> None:
    """Write ``poetry.lock`` of one folder. Raises ``CalledProcessError`` when there is no solution."""
    options = ["--regenerate"] if upgrade else []
    subprocess.run([*poetry_command(), "lock", "--no-interaction", *options], cwd=folder, env=environment(), check=True)


def without_local_packages(lock_text: str) -> str:
    """Drop the path dependencies of a lock: their relative paths mean nothing in another folder."""
    head, *packages = re.split(r"^(?=\[\[package\]\])", lock_text, flags=re.MULTILINE)
    return head + "".join(package for package in packages if 'type = "directory"' not in package)


def main() -> int:
    """Lock the root, then every package from the root's lock."""
    print("root", flush=True)
    lock(ROOT, upgrade="--upgrade" in sys.argv[1:])
    shared = without_local_packages((ROOT / "poetry.lock").read_text())
    for name in PACKAGES:
        folder = ROOT / "src" / name
        print(name, flush=True)
        (folder / "poetry.lock").write_text(shared)
        lock(folder, upgrade=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
