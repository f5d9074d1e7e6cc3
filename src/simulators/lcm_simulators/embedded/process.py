"""A server program as a child process: started, watched, frozen, killed and started again."""

import abc
import asyncio
import atexit
import contextlib
import os
import signal
import subprocess
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

from lcm_simulators.embedded.reservations import LOOPBACK, free_port
from lcm_simulators.embedded.tools import ToolMissingError
from lcm_simulators.embedded.warm import Process, WarmStarts

__all__ = ["EmbeddedServer", "ServerStartError", "ToolMissingError", "free_port"]

_LOG_TAIL_BYTES = 2_000
_PORT_ATTEMPTS = 3

_living: "weakref.WeakSet[EmbeddedServer]" = weakref.WeakSet()


class ServerStartError(RuntimeError):
    """The server exited or did not become healthy in time; the message holds the end of its log."""


class EmbeddedServer(abc.ABC):
    """One server program with its own data folder, log file and loopback port.

    ``port`` None means: pick a free one at the first start and keep it for every later start. ``stop`` asks politely
    and then kills; ``kill`` is SIGKILL at once, ``pause`` and ``resume`` freeze and thaw the process. Only the process
    started here is ever signaled, by its own handle. A plain child process is used rather than asyncio's, so that one
    server can outlive the event loop it was started from (session-wide test fixtures).
    """

    name = "server"
    warm_starts: ClassVar[WarmStarts | None] = None
    """Where tests have their Python services started; None starts every process from nothing."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        log_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log_file = log_file or data_dir.parent / f"{data_dir.name}.log"
        self._environment = dict(environment or {})
        self._chosen_port = port
        self._fixed_port = port is not None
        self._process: Process | None = None
        self._log_read = 0

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Return the command line; called at each start, after the ports are known."""

    @abc.abstractmethod
    async def healthy(self) -> bool:
        """Tell whether the running server answers its own protocol; must not raise for a refused connection."""

    def beyond_help(self) -> str:
        """Why the process must be started again although it runs; empty when it need not."""
        return ""

    def choose_ports(self) -> None:
        """Pick the ports of a server that may use any."""
        self._chosen_port = free_port()

    @property
    def port(self) -> int:
        """The client port. Raises ``RuntimeError`` before the first start when none was given."""
        if self._chosen_port is None:
            raise RuntimeError(f"{self.name} has no port yet: start it first")
        return self._chosen_port

    @property
    def address(self) -> str:
        """``host:port`` of the server."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, else None."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process exists (a frozen one does)."""
        return self._process is not None and self._process.poll() is None

    async def start(self, deadline_seconds: float = 90.0) -> Self:
        """Start the server and wait until it is healthy; does nothing when it runs.

        Raises ``ServerStartError`` when it is not healthy within ``deadline_seconds``.
        """
        if self.running:
            return self
        first_start = self._chosen_port is None
        for attempt in range(_PORT_ATTEMPTS):
            if first_start:
                self.choose_ports()
            await self._launch_beside()
            try:
                await self._wait_healthy(deadline_seconds)
            except ServerStartError:
                # Another process may have taken the free port between the choice and the start.
                may_retry = first_start and not self._fixed_port and attempt + 1 < _PORT_ATTEMPTS
                exited = not self.running
                await self.stop(grace_seconds=0)
                if not (may_retry and exited):
                    raise
            else:
                return self
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask the server to end, kill it after ``grace_seconds``; does nothing when it does not run."""
        process = self._process
        if process is None:
            return
        if process.poll() is None and grace_seconds > 0:
            # A frozen process would never see SIGTERM.
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, grace_seconds)
        if process.poll() is None:
            self._signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        self._process = None

    def kill(self) -> None:
        """End the process at once with SIGKILL, as a crash would, and reap it."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Freeze the process with SIGSTOP: it keeps its sockets and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw a frozen process."""
        self._signal(signal.SIGCONT)

    async def restart(self, deadline_seconds: float = 90.0) -> Self:
        """Stop politely and start again with the same data and port."""
        await self.stop()
        return await self.start(deadline_seconds)

    @contextlib.contextmanager
    def environment_with(self, more: Mapping[str, str]) -> Iterator[None]:
        """Variables that a start within the block adds to the environment."""
        usual = self._environment
        self._environment = {**usual, **more}
        try:
            yield
        finally:
            self._environment = usual

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _launch_beside(self) -> None:
        """Launch without blocking: the first warm start of a service takes as long as its imports."""
        if self.warm_starts is None:
            return self._launch()
        launched = asyncio.ensure_future(asyncio.to_thread(self._launch))
        try:
            await asyncio.shield(launched)
        except asyncio.CancelledError:
            # Whoever stops this server must find the process.
            await launched
            raise

    def _launch(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        command, environment = self.command(), {**os.environ, **self._environment}
        log: BinaryIO
        with self.log_file.open("ab") as log:
            self._log_read = log.tell()
            warm = self.warm_starts.start(command, environment, log) if self.warm_starts is not None else None
            self._process = warm or subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C in the terminal must reach only the supervisor, which stops the rest in order.
                start_new_session=True,
            )
        _living.add(self)

    async def _wait_healthy(self, deadline_seconds: float) -> None:
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            if not self.running:
                raise ServerStartError(f"{self.name} exited at start. {self._log_tail()}")
            if await self.healthy():
                return
            await asyncio.sleep(0.02)
        raise ServerStartError(f"{self.name} was not healthy within {deadline_seconds:g} s. {self._log_tail()}")

    def _log_news(self) -> bytes:
        """What the process has written since the last call, or since its start."""
        with contextlib.suppress(OSError), self.log_file.open("rb") as log:
            log.seek(self._log_read)
            news = log.read()
            self._log_read += len(news)
            return news
        return b""

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError), self.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            return f"End of {self.log_file}:\n{log.read().decode(errors='replace')}"
        return f"No log at {self.log_file}."

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@atexit.register
def _end_what_was_left() -> None:
    """End the servers that a test session left running, so that an interrupted run leaves no process behind."""
    for server in list(_living):
        server.kill()
