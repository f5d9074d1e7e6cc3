"""One of the compose files with its stand-ins, under a project name of the tests' own."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from tests.compose.engine import ROOT, Engine

UP_SECONDS = 900.0
HEALTHY_SECONDS = 300.0


@dataclass(frozen=True)
class Container:
    """What Compose says of one container."""

    id: str
    service: str
    state: str
    health: str


@dataclass
class Stack:
    """A compose project that the tests start and remove."""

    engine: Engine
    project: str
    files: Sequence[Path]
    settings: Mapping[str, str]
    env_file: Path | None = None
    volumes_before: set[str] = field(default_factory=set)

    @property
    def command(self) -> list[str]:
        """The compose command with its files."""
        files = [part for file in self.files for part in ("-f", str(file))]
        environment = ["--env-file", str(self.env_file)] if self.env_file else []
        return ["docker", "compose", "-p", self.project, *environment, *files]

    def compose(self, *arguments: str, limit: float = 120.0) -> str:
        """Standard output of a compose command."""
        return self.engine.run(*self.command, *arguments, limit=limit, given=self.settings)

    def changed(self, **settings: str) -> "Stack":
        """The same project with other settings, which take effect when it is brought up again."""
        return replace(self, settings={**self.settings, **settings})

    def build(self) -> None:
        """Build every image of the project."""
        self.compose("build", "--quiet", limit=1500)

    def up(self, *services: str) -> None:
        """Start the services, or all, and wait until each is healthy. Shows the logs of those that are not."""
        try:
            self.compose("up", "-d", "--no-build", "--wait", *services, limit=UP_SECONDS)
        except AssertionError as error:
            pytest.fail(f"{error}\n{self.compose('logs', '--tail', '40')[-8000:]}")

    def down(self) -> None:
        """Remove the project with its data."""
        self.compose("down", "--volumes", "--timeout", "20", limit=180)

    def containers(self, service: str = "") -> list[Container]:
        """The containers of a service, or all."""
        lines = self.compose("ps", "--all", "--format", "json", *([service] if service else [])).splitlines()
        told = [json.loads(line) for line in lines]
        return [Container(each["ID"], each["Service"], each["State"], each["Health"]) for each in told]

    def unwell(self, *ended: str) -> list[Container]:
        """Containers that do not run or are not healthy, once there is none or the deadline has passed.

        On a busy machine a check may miss its time limit now and then. ``ended`` names services that run once.
        """
        deadline = time.monotonic() + HEALTHY_SECONDS
        while True:
            lasting = [each for each in self.containers() if each.service not in ended]
            found = [each for each in lasting if each.state != "running" or each.health not in ("", "healthy")]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def restart(self, container: Container) -> None:
        """End one container as an update would, start it again and return when it is healthy."""
        self.engine.docker("restart", "--time", "20", container.id)
        deadline = time.monotonic() + HEALTHY_SECONDS
        while self.engine.docker("inspect", "--format", "{{.State.Health.Status}}", container.id).strip() != "healthy":
            assert time.monotonic() < deadline, f"{container.service} does not come back"
            time.sleep(0.1)

    def destroy(self, kept: str, stores: Sequence[str]) -> None:
        """Remove every container but those of one service, and the volumes with these names."""
        services = [name for name in self.compose("config", "--services").split() if name != kept]
        self.compose("rm", "--stop", "--force", *services)
        self.engine.docker("volume", "rm", *(f"{self.project}_{name}" for name in stores))

    def inside(self, service: str, code: str) -> str:
        """What Python prints in a container of a service."""
        return self.compose("exec", "-T", service, "python", "-c", code)

    def left(self) -> list[str]:
        """Containers, volumes and networks that are there and were not before, or bear the project's name."""
        label = f"label=com.docker.compose.project={self.project}"
        found = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        found += self.engine.docker("network", "ls", "--quiet", "--filter", label).split()
        return found + sorted(volumes(self.engine) - self.volumes_before)


def volumes(engine: Engine) -> set[str]:
    """The names of all volumes of the engine."""
    return set(engine.docker("volume", "ls", "--quiet").split())


def development(engine: Engine, keycloak: Path) -> Stack:
    """The development stack, with nothing to wait for at boot."""
    settings = {"CONTEXT": str(ROOT), "KEYCLOAK_HOME": str(keycloak), "LCM_SIM_BOOT_SCALE": "0"}
    files = [ROOT / "docker-compose.yml", ROOT / "tests/compose/development.yml"]
    return Stack(engine, "lcm-test-development", files, settings, volumes_before=volumes(engine))


def ready_answer(url: str) -> str:
    """What the control plane at an address says once it is ready, or what it says last under the deadline."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    while True:
        try:
            told = httpx.get(f"{url}/health/ready", timeout=5, trust_env=False)
            if told.status_code == 200 or time.monotonic() > deadline:
                return told.text
        except httpx.TransportError as error:
            if time.monotonic() > deadline:
                return str(error)
        time.sleep(0.1)
