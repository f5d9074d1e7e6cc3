"""A container engine for these tests: the machine's own, else a private one where the scripts for that are at hand."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")
SCRIPTS = Path(os.environ.get("LCM_ENGINE_SCRIPTS") or ROOT.parent / "shared" / "tools" / "containers")
"""Scripts that unpack an engine from Debian's packages, start it and make base images, where they exist."""
STEPS = ("engine-get.sh", "engine-up.sh", "mk-bases.sh")


class EngineMissingError(RuntimeError):
    """This machine has no container engine; the message holds the command that failed and what it said."""


@dataclass(frozen=True)
class Engine:
    """A running engine: ``environment`` leads the client to it. ``folder`` is that of a private one."""

    environment: Mapping[str, str]
    folder: Path | None = None

    def run(self, *command: str, limit: float = 120.0, given: Mapping[str, str] | None = None) -> str:
        """Standard output of a command. Raises ``AssertionError`` with the end of what it said when it fails."""
        ran = subprocess.run(
            command,
            env={**self.environment, **(given or {})},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            cwd=ROOT,
        )
        said = f"{ran.stdout[-3000:]}\n{ran.stderr[-6000:]}"
        assert ran.returncode == 0, f"`{' '.join(command)}` ended with {ran.returncode}:\n{said}"
        return ran.stdout

    def docker(self, *arguments: str, limit: float = 120.0) -> str:
        """Standard output of a docker command."""
        return self.run("docker", *arguments, limit=limit)

    def close(self) -> None:
        """Stop a private engine; its images and its build cache stay."""
        if self.folder is not None:
            subprocess.run(["bash", str(SCRIPTS / "engine-down.sh"), str(self.folder)], check=True, capture_output=True)


def _works(environment: Mapping[str, str]) -> str:
    """Empty when the daemon answers, else the command and its error (``docker info`` ends with 0 without a daemon)."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        return f"`docker version`: {error}"
    return "" if ran.returncode == 0 else f"`docker version`: {ran.stderr.strip()[-300:]}"


def _variables(folder: Path) -> dict[str, str]:
    """The environment that leads to the private engine in a folder."""
    command = ["bash", "-c", f". '{folder}/env.sh' && env -0"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in told.split("\0") if "=" in line)


def _private(folder: Path) -> Engine:
    """Unpack, start and fill a private engine, as far as that was not done. Raises ``EngineMissingError``."""
    for step in STEPS:
        if step == "engine-get.sh" and (folder / "env.sh").exists():
            continue
        if step == "engine-up.sh" and not _works(_variables(folder)):
            continue
        command = ["bash", str(SCRIPTS / step), str(folder)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if ran.returncode:
            raise EngineMissingError(f"`{' '.join(command)}`: {(ran.stderr or ran.stdout).strip()[-300:]}")
    return Engine(_variables(folder), folder)


def find_engine() -> Engine:
    """The engine to use. Raises ``EngineMissingError``."""
    trouble = _works(os.environ)
    if not trouble:
        return Engine(dict(os.environ))
    if not (SCRIPTS / STEPS[0]).exists() or os.geteuid() != 0:
        raise EngineMissingError(trouble)
    return _private(TOOLS / "engine")
