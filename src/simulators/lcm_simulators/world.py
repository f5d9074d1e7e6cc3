"""The whole platform on one machine: an API for whole-system tests and the commands behind ``make run``.

Usage: ``python -m lcm_simulators.world run [--detach] | down | status``.
"""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

import psutil

from lcm_simulators.embedded.reservations import free_network
from lcm_simulators.supervisor.files import Roster, RunningProcess, development_secrets, keep_clock
from lcm_simulators.supervisor.plan import PlatformSettings, platform_plan
from lcm_simulators.supervisor.ports import SETTINGS, Ports, environment_with_local_file, refuse_taken
from lcm_simulators.supervisor.supervisor import Supervisor

_LISTENERS = {"etcd": ("etcd", "etcd_peer")}


class AlreadyRunningError(RuntimeError):
    """The platform of this data folder runs already; the message says how to stop it."""


class World:
    """Every process of the platform, with its data in one folder.

    ``ports`` is ``"default"`` (8000 and so on, moved by settings), ``"ephemeral"`` (free ones, and a loopback network
    of its own for the simulated instances) or an exact ``Ports``. ``clock_factor`` is how many domain seconds pass in
    a real one (None keeps what the data folder says), ``boot_scale`` multiplies the simulators' boot times.
    ``environment`` adds to or overrides the settings of every process. ``only`` limits the world to some processes and
    what they need. ``auto_restart`` False leaves a killed process dead until ``start_process``. With ``replicas`` the
    control plane and each controller run that many times: ``control-plane``, ``control-plane-2`` and so on; what
    spreads calls over them is the caller's (``LCM_CONTROL_PLANE_URL`` and ``LCM_EVENTS_URL`` of ``environment``).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ports: Ports | Literal["default", "ephemeral"] = "default",
        clock_factor: float | None = None,
        boot_scale: float = 1.0,
        environment: Mapping[str, str] | None = None,
        only: Collection[str] = (),
        auto_restart: bool = True,
        durable: bool = True,
        replicas: int = 1,
        report: Callable[[str], None] = print,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.clock_file = self.data_dir / "clock.json"
        self._roster_file = self.data_dir / "pids.json"
        variables = {**os.environ, **(environment or {})}
        isolated = ports == "ephemeral"
        if isinstance(ports, Ports):
            self.ports = ports
        else:
            self.ports = Ports.ephemeral() if isolated else Ports.from_environment(variables)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        factor = keep_clock(self.clock_file, clock_factor)
        self.settings = PlatformSettings(
            data_dir=self.data_dir,
            ports=self.ports,
            environment=variables,
            secrets=development_secrets(self.data_dir / "secrets.env"),
            clock_file=self.clock_file,
            clock_factor=factor,
            boot_scale=boot_scale,
            # Two worlds on one machine must not give the same loopback address to two instances.
            network=free_network() if isolated else "127.20",
            durable=durable,
            replicas=tuple(Ports.ephemeral() for _ in range(1, replicas)),
        )
        plan = platform_plan(self.settings)
        wanted = set(only)
        for spec in reversed(plan):
            if spec.name in wanted:
                wanted |= set(spec.needs)
        self._supervisor = Supervisor(
            [spec for spec in plan if not only or spec.name in wanted], report=report, auto_restart=auto_restart
        )
        self._supervisor.on_change = self._write_roster
        self._report = report
        self._ready = False

    @property
    def names(self) -> list[str]:
        """Names of the processes, in the order of their start."""
        return self._supervisor.names

    async def start(self) -> Self:
        """Start everything and wait until all of it is healthy.

        Raises ``AlreadyRunningError``, ``PortTakenError``, ``ServerStartError`` or ``ToolMissingError``.
        """
        self._end_leftovers()
        refuse_taken(self.ports, {port for name in self.names for port in _ports_of(name)})
        await self._supervisor.start()
        self._ready = True
        self._write_roster()
        return self

    async def stop(self) -> None:
        """Stop everything in reverse order; the data stays."""
        self._ready = False
        await self._supervisor.stop()
        roster = Roster.read(self._roster_file)
        if roster is not None and roster.supervisor.pid == os.getpid():
            self._roster_file.unlink()

    def url(self, name: str) -> str:
        """Base URL of a process. Raises ``KeyError`` naming the known ones."""
        return self._supervisor.spec(name).url

    def port(self, name: str) -> int:
        """Port of a process, known before it is started."""
        return self._supervisor.server(name).port

    def pid(self, name: str) -> int | None:
        """Process id, None while the process does not run."""
        return self._supervisor.server(name).pid

    def log(self, name: str) -> str:
        """Everything the process has logged so far."""
        return self._supervisor.server(name).log_file.read_text(errors="replace")

    def restarts(self, name: str) -> int:
        """How often the process was brought back after it died."""
        return self._supervisor.restarts(name)

    def kill(self, name: str) -> None:
        """SIGKILL a process, as a crash would."""
        self._supervisor.kill(name)

    def pause(self, name: str) -> None:
        """Freeze a process (SIGSTOP)."""
        self._supervisor.server(name).pause()

    def resume(self, name: str) -> None:
        """Thaw a frozen process."""
        self._supervisor.server(name).resume()

    async def restart(self, name: str) -> None:
        """Stop a process politely, start it again and wait until it is healthy."""
        await self._supervisor.restart(name)

    async def stop_process(self, name: str) -> None:
        """Stop a process and leave it stopped."""
        await self._supervisor.stop_process(name)

    async def start_process(self, name: str, **environment: str) -> None:
        """Start a process that was stopped or killed, and wait until it is healthy.

        ``environment`` holds for this life of the process only. Raises ``ServerStartError``.
        """
        with self._supervisor.server(name).environment_with(environment):
            await self._supervisor.start_process(name)

    async def healthy(self, name: str, within_seconds: float) -> bool:
        """Wait until a process answers its health check; False when it does not in time."""
        server = self._supervisor.server(name)
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            if server.running and await server.healthy():
                return True
            await asyncio.sleep(0.05)
        return False

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _end_leftovers(self) -> None:
        """End processes whose supervisor was killed. Raises ``AlreadyRunningError`` when it lives."""
        roster = Roster.read(self._roster_file)
        if roster is None:
            return
        if roster.supervisor.find() is not None and roster.supervisor.pid != os.getpid():
            raise AlreadyRunningError(
                f"the platform already runs (pid {roster.supervisor.pid}); stop it with `make down`"
            )
        end_processes(roster, self._report)

    def _write_roster(self) -> None:
        processes: dict[str, RunningProcess] = {}
        for name in self.names:
            server = self._supervisor.server(name)
            pid = server.pid
            if pid is None:
                continue
            with suppress(psutil.NoSuchProcess):
                processes[name] = RunningProcess.of(
                    pid,
                    port=server.port,
                    url=self.url(name),
                    health_path=self._supervisor.spec(name).health_path,
                    log=str(server.log_file),
                    restarts=self.restarts(name),
                )
        Roster(RunningProcess.of(os.getpid()), self._ready, processes).write(self._roster_file)


def end_processes(roster: Roster, report: Callable[[str], None], grace_seconds: float = 10.0) -> None:
    """End the recorded processes that still live, politely first; strangers with a reused pid are left alone."""
    living = [process for record in roster.processes.values() if (process := record.find()) is not None]
    if not living:
        return
    report(f"ending {len(living)} processes that an earlier run left behind")
    for process in living:
        with suppress(psutil.NoSuchProcess):
            process.resume()
            process.terminate()
    _, stubborn = psutil.wait_procs(living, timeout=grace_seconds)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace_seconds)


def _ports_of(name: str) -> tuple[str, ...]:
    """Fields of ``Ports`` that a process listens at; those of further replicas are reserved ones."""
    field = name.replace("-", "_")
    return _LISTENERS.get(name, (field,) if field in SETTINGS else ())


def local_environment(root: Path) -> dict[str, str]:
    """The shell's environment over the assignments of ``.env.local``."""
    local = root / ".env.local"
    return environment_with_local_file(local.read_text() if local.exists() else "")


if __name__ == "__main__":
    from lcm_simulators.supervisor.command import main

    raise SystemExit(main())
