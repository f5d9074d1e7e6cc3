#!/usr/bin/env python3
"""Bring what the checks use and a user does not: Chromium, Redis, Helm, promtool, Kubernetes schemas and Schemathesis.

Each goes into ``.tools`` (Chromium and Redis, which need system libraries, are installed by apt as root). What a
machine cannot have is named and left out; the tests that need it then skip and say the same. Uses the standard library
only.

Usage: ``python scripts/check_tools.py [tool ...]`` (default: all)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bootstrap_tools

HELM = "helm.sh/helm/v3/cmd/helm@v3.16.4"
GO_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/go/bin"])
LIMIT = 600.0  # Seconds that one command may take.


class NotHereError(RuntimeError):
    """The machine cannot have a tool; the message says why."""


def programs() -> Path:
    """Folder of the programs, which the tests search after PATH."""
    return bootstrap_tools.tools_dir() / "bin"


def is_there(name: str) -> bool:
    """Whether a program is on PATH or among the tools."""
    return shutil.which(name) is not None or (programs() / name).exists()


def run(*command: str, **variables: str) -> None:
    """Run a command quietly. Raises ``NotHereError`` with the end of what it said."""
    environment = {**os.environ, **variables}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"{command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise NotHereError(f"`{' '.join(command)}` ended with {done.returncode}: {said[-1]}")


def packages_known() -> None:
    """Fetch Debian's package lists once, where this machine has apt and they are missing."""
    if shutil.which("apt-get") is None:
        raise NotHereError("it is taken from Debian's packages, and apt-get is not on this machine")
    if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        run("apt-get", "update", "--quiet")


def chromium() -> None:
    """Debian's Chromium, for the tests of the console."""
    if any(map(is_there, ("chromium", "chromium-browser", "google-chrome"))):
        return
    packages_known()
    if os.geteuid() != 0:
        raise NotHereError("installing it needs root: apt-get install chromium")
    run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium")


def redis() -> None:
    """The server for the tests of browser sessions, without the service that Debian's package of the server starts.

    The package of its tools holds the same program; it serves when it is called by the server's name.
    """
    if is_there("redis-server"):
        return
    packages_known()
    if os.geteuid() != 0:
        raise NotHereError("installing it needs root: apt-get install redis-tools")
    run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "redis-tools")
    programs().mkdir(parents=True, exist_ok=True)
    (programs() / "redis-server").symlink_to("/usr/bin/redis-check-rdb")


def promtool() -> None:
    """The checker of Prometheus rules, unpacked from Debian's package without installing the server."""
    if is_there("promtool"):
        return
    packages_known()
    programs().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        fetch = subprocess.run(
            ["apt-get", "download", "prometheus"], cwd=scratch, capture_output=True, text=True, check=False
        )
        found = list(Path(scratch).glob("prometheus_*.deb"))
        if fetch.returncode or not found:
            raise NotHereError(f"`apt-get download prometheus`: {fetch.stderr.strip()[-200:]}")
        run("dpkg-deb", "--extract", str(found[0]), scratch)
        shutil.copy2(Path(scratch) / "usr/bin/promtool", programs() / "promtool")


def helm() -> None:
    """The renderer of the chart, built by Go."""
    if is_there("helm"):
        return
    go = shutil.which("go", path=GO_PLACES)
    if go is None:
        raise NotHereError(f"it is built by Go, which is not on PATH: go install {HELM}")
    programs().mkdir(parents=True, exist_ok=True)
    run(go, "install", HELM, GOBIN=str(programs()))


def kubernetes() -> None:
    """The schemas of Kubernetes, in an environment of their own."""
    if bootstrap_tools.main(["kubernetes"]) != 0:
        raise NotHereError("`python scripts/bootstrap_tools.py kubernetes` failed, see above")


def schemathesis() -> None:
    """The tester of the API's description, in an environment of its own."""
    if bootstrap_tools.main(["schemathesis"]) != 0:
        raise NotHereError("`python scripts/bootstrap_tools.py schemathesis` failed, see above")


TOOLS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (chromium, redis, promtool, helm, kubernetes, schemathesis)
}


def provide(name: str) -> str:
    """Bring one tool; one line about it."""
    begun = time.monotonic()
    try:
        TOOLS[name]()
    except NotHereError as error:
        return f"{name}: left out, {error}"
    return f"{name}: ready after {time.monotonic() - begun:.0f} s"


def main(names: list[str]) -> int:
    """Bring the named tools, or all. Missing ones are no failure: the tests say what they skip."""
    unknown = sorted(set(names) - set(TOOLS))
    if unknown:
        print(f"unknown tool {', '.join(unknown)}; known: {', '.join(TOOLS)}", file=sys.stderr)
        return 1
    # apt allows one user at a time; building Helm takes longest and goes on beside the others.
    with ThreadPoolExecutor(max_workers=2) as pool:
        wanted = [
            name
            for name in ("helm", "kubernetes", "schemathesis", "chromium", "redis", "promtool")
            if not names or name in names
        ]
        building = pool.submit(provide, "helm") if "helm" in wanted else None
        for name in wanted:
            if name != "helm":
                print(provide(name), flush=True)
        if building is not None:
            print(building.result(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
