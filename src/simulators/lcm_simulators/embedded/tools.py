"""Where the programs of the embedded servers are."""

import os
import shutil
from pathlib import Path


class ToolMissingError(RuntimeError):
    """A program that an embedded server needs is not on this machine; the message says how to get it."""


def tools_dir() -> Path:
    """Folder that ``scripts/bootstrap_tools.py`` fills: ``LCM_TOOLS_DIR``, else ``.tools`` of the repository."""
    configured = os.environ.get("LCM_TOOLS_DIR", "")
    return Path(configured) if configured else Path(__file__).resolve().parents[4] / ".tools"


def find_program(tool: str, program: str) -> Path:
    """Return the path of ``program`` from the environment of ``tool``, else from ``PATH``.

    Raises ``ToolMissingError`` when neither has it.
    """
    candidate = tools_dir() / "venvs" / tool / "bin" / program
    if candidate.exists():
        return candidate
    found = shutil.which(program)
    if found:
        return Path(found)
    raise ToolMissingError(f"{program} is not installed: run `python scripts/bootstrap_tools.py {tool}`")
