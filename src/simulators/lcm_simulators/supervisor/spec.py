"""What the supervisor must know of one process."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import EmbeddedServer


@dataclass(frozen=True)
class ProcessSpec:
    """How to make one process.

    ``make`` builds it, unstarted. ``needs`` are the processes that must be healthy before it starts. ``start_seconds``
    is the limit of its start. ``health_path`` is what an HTTP process answers 200 at; empty when it speaks otherwise.
    """

    name: str
    make: Callable[[], EmbeddedServer]
    needs: tuple[str, ...] = ()
    start_seconds: float = 60.0
    url: str = ""
    health_path: str = ""


@dataclass(frozen=True)
class PythonModule:
    """A Python module of this project to be run as a process."""

    name: str
    module: str
    port: int
    health_path: str
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable


class ServiceProcess(EmbeddedServer):
    """A process of the platform: ``python -m <module>``, configured by its environment, healthy by its own word."""

    def __init__(self, module: PythonModule, data_dir: Path) -> None:
        super().__init__(
            data_dir / module.name,
            port=module.port,
            log_file=data_dir / "logs" / f"{module.name}.log",
            environment={"PYTHONUNBUFFERED": "1", **module.environment},
        )
        self.name = module.name
        self._module = module

    def command(self) -> list[str]:
        return [self._module.python, "-m", self._module.module]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, self._module.health_path)
        return status == 200
