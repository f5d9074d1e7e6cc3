#!/usr/bin/env python3
"""Install every package of the project, editable, with the locked versions, into ``.venv``.

Uses the Poetry on PATH when it is recent enough, else one of its own in ``.tools``. Standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_POETRY = (2, 1)


def use_supported_python() -> None:
    """Go on under a supported Python: this one, else the newest on PATH. Exits with a message when there is none."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            os.execv(found, [found, __file__, *sys.argv[1:]])
    sys.exit(f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed; this is {sys.version.split()[0]} and PATH has no other")


def poetry_version(program: str) -> tuple[int, ...]:
    """Version of a Poetry program; empty when it does not run."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in found.groups()) if found else ()


def poetry() -> str:
    """Path of a usable Poetry, installed into ``.tools`` when the machine has none."""
    own = ROOT / ".tools" / "venvs" / "poetry" / "bin" / "poetry"
    found = shutil.which("poetry")
    if not own.exists() and found and poetry_version(found) >= OLDEST_POETRY:
        return found
    subprocess.run([sys.executable, str(ROOT / "scripts" / "bootstrap_tools.py"), "poetry"], check=True)
    return str(own)


def environment() -> dict[str, str]:
    """Environment for Poetry: the project's own ``.venv``, and the package index pip uses on this machine."""
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    known = subprocess.run([sys.executable, "-c", default], capture_output=True, text=True, check=False).stdout.strip()
    if index := variables.get("PIP_INDEX_URL") or known:
        variables.setdefault("POETRY_PYPI_MIRROR_URL", index)
    if certificates := variables.get("PIP_CERT"):
        variables.setdefault("REQUESTS_CA_BUNDLE", certificates)
    return {**variables, "POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_KEYRING_ENABLED": "false"}


def main() -> int:
    """Install; extra arguments (``--with docs``) go to ``poetry install``."""
    use_supported_python()
    if not (ROOT / ".venv" / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(ROOT / ".venv")], check=True)
    command = [poetry(), "install", "--no-interaction", "--quiet", *sys.argv[1:]]
    result = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    if result.returncode:
        print(f"installing failed; run it again to see more: {' '.join(command)} -v", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
