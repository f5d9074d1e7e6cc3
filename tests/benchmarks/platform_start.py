"""How long somebody waits for the first page: `make start` in a clean clone, and again when everything is installed.

The clone is of the committed state. What package managers keep on this machine stays, as it would on a developer's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from rows import Row, publish

from lcm_simulators.supervisor.ports import SETTINGS, Ports

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 600


def environment() -> dict[str, str]:
    """Ports of its own, so that a platform that runs on this machine is left alone."""
    ports = Ports.ephemeral()
    return {**os.environ, **{setting: str(getattr(ports, name)) for name, setting in SETTINGS.items()}}


def started(clone: Path, variables: dict[str, str]) -> float:
    """Seconds until the console's page is there."""
    begin = time.perf_counter()
    subprocess.run(["make", "start"], cwd=clone, env=variables, check=True, timeout=LIMIT_SECONDS, capture_output=True)
    with urllib.request.urlopen(f"http://127.0.0.1:{variables['APP_PORT']}/", timeout=10) as page:
        if page.status != 200:
            raise RuntimeError(f"the console answers {page.status}")
    return time.perf_counter() - begin


def measure() -> list[Row]:
    """Twice in a fresh clone."""
    folder = Path(tempfile.mkdtemp(prefix="lcm-start-"))
    clone, variables = folder / "clone", environment()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    try:
        first = started(clone, variables)
        subprocess.run(["make", "down"], cwd=clone, env=variables, check=True, capture_output=True)
        second = started(clone, variables)
    finally:
        subprocess.run(["make", "down"], cwd=clone, env=variables, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Row("`make start` in a clean clone, to the first page", first, "s", 240.0, 90.0),
        Row("`make start` again, to the first page", second, "s", 15.0, 6.0),
    ]


if __name__ == "__main__":
    sys.exit(publish(measure()))
