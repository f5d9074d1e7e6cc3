"""Programs that some checks use: on PATH, or where ``scripts/check_tools.py`` put them."""

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(os.environ.get("LCM_TOOLS_DIR") or Path(__file__).resolve().parents[2] / ".tools")
PLACES = (TOOLS / "bin", TOOLS / "venvs" / "kubernetes" / "bin")


def program(name: str) -> str:
    """Path of a program. Skips the test, with what to do, where the machine does not have it."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, PLACES)]))
    if found is None:
        pytest.skip(f"{name} is not on this machine: run `make check-tools`, which says whether it can be had")
    return found
