#!/usr/bin/env python3
"""Put the programs of the embedded platform into ``.tools/venvs``, one virtual environment per tool.

Each tool comes from a requirements file with hashes, so what is installed is what was tested. A stamp with the hash of
that file makes a second run take milliseconds. Uses the standard library only: it runs before anything is installed.

Usage: ``python scripts/bootstrap_tools.py [tool ...]`` (default: what ``make run`` needs).
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIMULATORS = ROOT / "src" / "simulators" / "requirements"
REQUIREMENTS = {
    "etcd": SIMULATORS / "etcd.txt",
    "secantus": SIMULATORS / "secantus.txt",
    "moto": SIMULATORS / "moto.txt",
    "virl2": SIMULATORS / "virl2.txt",
    "poetry": ROOT / "scripts" / "requirements" / "poetry.txt",
    "uv": ROOT / "scripts" / "requirements" / "uv.txt",
    "schemathesis": ROOT / "scripts" / "requirements" / "schemathesis.txt",
    "kubernetes": ROOT / "scripts" / "requirements" / "kubernetes.txt",
    "security": ROOT / "scripts" / "requirements" / "security.txt",
    "profiler": ROOT / "scripts" / "requirements" / "profiler.txt",
}
DEFAULT_TOOLS = ("etcd", "secantus", "moto")
ADVICE = {
    "etcd": "Install etcd 3.5 or newer with your package manager; it is then found on PATH.",
    "secantus": "The embedded database has no wheel for this machine. Set MONGODB_URI in .env.local to a MongoDB "
    "(replica set) and run again.",
}


class BootstrapError(RuntimeError):
    """A tool could not be installed; the message names it and says what to do."""


def tools_dir() -> Path:
    """Folder of the tools: ``LCM_TOOLS_DIR``, else ``.tools`` beside this repository's sources."""
    return Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")


@contextmanager
def only_one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock so that a test run and `make run` do not install into one environment together."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(tool: str) -> str:
    """Return what the stamp of an up-to-date environment of ``tool`` says."""
    digest = hashlib.sha256(REQUIREMENTS[tool].read_bytes()).hexdigest()
    return f"{digest} python-{platform.python_version()} {platform.machine()}"


def is_current(tool: str, folder: Path) -> bool:
    """Tell whether ``tool`` was installed from the present requirements with the present Python."""
    stamp = folder / tool / ".stamp"
    return stamp.exists() and stamp.read_text() == fingerprint(tool)


def index_address() -> str:
    """Address of the package index that pip is set up for on this machine; empty when pip is not there."""
    if configured := os.environ.get("PIP_INDEX_URL"):
        return configured
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def uv_command(folder: Path, python: Path, requirements: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment that install with uv: twenty times as fast as pip for the large tools."""
    variables = dict(os.environ)
    if certificates := variables.get("PIP_CERT"):
        variables.setdefault("SSL_CERT_FILE", certificates)
    if index := index_address():
        variables.setdefault("UV_DEFAULT_INDEX", index)
    variables.setdefault("UV_CACHE_DIR", str(tools_dir() / "uv-cache"))
    uv = str(folder / "uv" / "bin" / "uv")
    options = [
        "--quiet",
        "--no-config",
        "--python",
        str(python),
        "--require-hashes",
        "--requirement",
        str(requirements),
    ]
    return [uv, "pip", "install", *options], variables


def pip_command(python: Path, requirements: Path, *, shared_pip: bool) -> list[str]:
    """Command that installs with pip: this interpreter's own, else the one of the new environment."""
    pip = [sys.executable, "-m", "pip", "--python", str(python)] if shared_pip else [str(python), "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--require-hashes"]
    return [*pip, "install", *options, "--requirement", str(requirements)]


def install(tool: str, folder: Path) -> str:
    """Install ``tool`` and return one line about it. Raises ``BootstrapError`` when it cannot be had."""
    started = time.monotonic()
    environment = folder / tool
    shared_pip = importlib.util.find_spec("pip") is not None
    version_file = environment / "pyvenv.cfg"
    same_python = version_file.exists() and f"version = {platform.python_version()}" in version_file.read_text()
    if not same_python:
        venv.EnvBuilder(with_pip=not shared_pip, clear=environment.exists(), symlinks=True).create(environment)
    python = environment / "bin" / "python"
    done = False
    if (folder / "uv" / "bin" / "uv").exists():
        command, variables = uv_command(folder, python, REQUIREMENTS[tool])
        done = subprocess.run(command, env=variables, capture_output=True, check=False).returncode == 0
    if not done:
        # pip knows every way a machine may be set up (proxies, mirrors, wheel folders), so it has the last word.
        command = pip_command(python, REQUIREMENTS[tool], shared_pip=shared_pip)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
            advice = ADVICE.get(tool, "Look at the message above, then run this again.")
            raise BootstrapError(f"{tool} could not be installed on {machine}.\n{result.stderr.strip()}\n{advice}")
    (environment / ".stamp").write_text(fingerprint(tool))
    return f"{tool} ready in {time.monotonic() - started:.0f} s"


def wanted(names: list[str]) -> list[str]:
    """Return the tools to provide: the named ones, or what the embedded platform needs on this machine."""
    unknown = sorted(set(names) - set(REQUIREMENTS))
    if unknown:
        raise BootstrapError(f"unknown tool {', '.join(unknown)}; known: {', '.join(sorted(REQUIREMENTS))}")
    if names:
        return names
    return [tool for tool in DEFAULT_TOOLS if not (tool == "secantus" and os.environ.get("MONGODB_URI"))]


def main(arguments: list[str] | None = None) -> int:
    """Provide the tools; return 0, or 1 after one message when a tool cannot be had."""
    parser = argparse.ArgumentParser(description="Install the programs of the embedded platform into .tools/venvs.")
    parser.add_argument("tools", nargs="*", help=f"any of {', '.join(sorted(REQUIREMENTS))}")
    options = parser.parse_args(arguments)
    folder = tools_dir() / "venvs"
    try:
        tools = wanted(options.tools)
        if all(is_current(tool, folder) for tool in tools):
            return 0
        with only_one_at_a_time(tools_dir()):
            missing = [tool for tool in tools if not is_current(tool, folder)]
            if missing and not is_current("uv", folder):
                print(install("uv", folder), flush=True)
            missing = [tool for tool in missing if tool != "uv"]
            with ThreadPoolExecutor(max_workers=2) as pool:
                for line in pool.map(lambda tool: install(tool, folder), missing):
                    print(line, flush=True)
    except BootstrapError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
