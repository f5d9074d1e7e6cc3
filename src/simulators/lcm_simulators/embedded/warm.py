"""Starts of this project's Python services without their imports, for tests.

A service spends two to five seconds of a processor on imports before its first line of work, and tests start hundreds.
Here one helper process per service (the launcher) imports the service's modules and then waits; each start is a fork of
it that gets its own session, environment, log and arguments and runs the module as ``python -m`` does. The launcher
reaps its children and kills those that are left when its own parent has gone, so that an interrupted run leaves nothing
behind. ``LCM_TEST_WARM=0`` starts every process from nothing; outside of tests that is always so.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.util
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NoReturn, Protocol, Self

PREPARED = ("control_plane_api", "lablet_controller", "lcm_simulators", "resource_scheduler", "worker_controller")
"""Packages whose modules may be started warm."""
TOO_EARLY = ("LD_", "MALLOC_", "OPENSSL_", "PYTHON")
"""Beginnings of variables that a process heeds before its first import: a change of one needs a start from nothing."""
HARMLESS = {"PYTHONUNBUFFERED"}
_MESSAGE_BYTES = 1 << 17
_LIMIT_SECONDS = 120.0

Start = tuple[str, list[str], dict[str, str], str]
"""A module, its arguments, the whole environment and the working directory."""


class Process(Protocol):
    """What a server's owner needs of its process; ``subprocess.Popen`` has it."""

    pid: int

    def poll(self) -> int | None:
        """The exit status, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status. Raises ``subprocess.TimeoutExpired``."""

    def send_signal(self, sig: int) -> None:
        """Send a signal unless the process has ended."""


def understood(command: Sequence[str], environment: Mapping[str, str]) -> Start | None:
    """Read ``[env [-C folder] [NAME=value …]] python -m module [argument …]``; None when it is anything else."""
    words, variables, folder = list(command), dict(environment), os.getcwd()
    if words[:1] == ["env"]:
        words.pop(0)
        if words[:1] == ["-C"]:
            folder = words[1]
            del words[:2]
        while words and "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
    if len(words) < 3 or words[:2] != [sys.executable, "-m"] or words[2].partition(".")[0] not in PREPARED:
        return None
    for name in variables.keys() | os.environ.keys():
        if name.startswith(TOO_EARLY) and name not in HARMLESS and variables.get(name) != os.environ.get(name):
            return None
    return words[2], words[3:], variables, folder


class WarmProcess:
    """A process that a launcher has forked; it is told apart from a later one of the same number by its pidfd."""

    def __init__(self, pid: int, handle: int, status: int, command: Sequence[str]) -> None:
        self.pid = pid
        self.args = command
        self.returncode: int | None = None
        self._handle = handle
        self._status = status
        self._lock = threading.Lock()

    def __del__(self) -> None:
        os.close(self._status)
        os.close(self._handle)

    def poll(self) -> int | None:
        """See :class:`Process`."""
        with self._lock:
            if self.returncode is None and self._answered(0):
                said = os.read(self._status, 16)
                # A launcher that was killed says nothing, and there is nobody else to ask.
                self.returncode = int(said) if said else -signal.SIGKILL
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """See :class:`Process`."""
        self._answered(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        """See :class:`Process`."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sig)

    def _answered(self, timeout: float | None) -> bool:
        """Whether the launcher has told the status or closed its end; either stays so for every thread that waits."""
        waiting = select.poll()
        waiting.register(self._status, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else timeout * 1000))


class Launcher:
    """The owner's side of one launcher process."""

    def __init__(self, module: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                # By its path, so that it holds nothing but its module's imports; -P keeps the files beside it from
                # being taken for libraries of the same name.
                [sys.executable, "-P", __file__, str(theirs.fileno()), module],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._ours.settimeout(_LIMIT_SECONDS)
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Process id of the launcher."""
        return self._process.pid

    def start(self, start: Start, log: BinaryIO) -> WarmProcess:
        """Start a process that writes to ``log``. Raises ``OSError`` when the launcher has died or does not answer."""
        with self._lock:
            socket.send_fds(self._ours, [json.dumps(start).encode()], [log.fileno()])
            said, fds, _, _ = socket.recv_fds(self._ours, 64, 2)
        if not said:
            raise ConnectionResetError(f"the launcher of {start[0]} ended with status {self._process.wait()}")
        handle, status = fds
        return WarmProcess(int(said), handle, status, [sys.executable, "-m", start[0], *start[1]])

    def end(self) -> None:
        """End the launcher, and with it what it has started and is still there."""
        self._ours.close()
        self._process.wait()


class WarmStarts:
    """One launcher for each module that was asked for."""

    def __init__(self) -> None:
        self._launchers: dict[str, Launcher] = {}
        self._lock = threading.Lock()
        atexit.register(self.end)

    @classmethod
    def if_wanted(cls) -> Self | None:
        """Warm starts where the system has what they need, unless ``LCM_TEST_WARM=0`` says no."""
        return cls() if os.environ.get("LCM_TEST_WARM") != "0" and hasattr(os, "pidfd_open") else None

    def launcher_pids(self) -> set[int]:
        """Process ids of the launchers, which must not be suspended."""
        return {launcher.pid for launcher in self._launchers.values()}

    def start(self, command: Sequence[str], environment: Mapping[str, str], log: BinaryIO) -> WarmProcess | None:
        """Start the command, with exactly this environment; None when only a start from nothing will do."""
        start = understood(command, environment)
        if start is None:
            return None
        with self._lock:
            if start[0] not in self._launchers:
                self._launchers[start[0]] = Launcher(start[0])
            launcher = self._launchers[start[0]]
        return launcher.start(start, log)

    def end(self) -> None:
        """End every launcher."""
        while self._launchers:
            self._launchers.popitem()[1].end()


def _serve(channel: socket.socket) -> Start:
    """Fork for each request. Returns only in a forked child, with what it is to run."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    children: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([channel.fileno(), wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            _reap(children)
        if channel.fileno() not in ready:
            continue
        try:
            request, fds, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 1)
        except ConnectionResetError:  # the owner died with an answer unread
            request = b""
        if not request:
            _give_up(children)
        status_read, status_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channel.close()
            for fd in (wake_read, wake_write, status_read, status_write, *children.values()):
                os.close(fd)
            start: Start = json.loads(request)
            _become(start, fds[0])
            return start
        children[pid] = status_write
        handle = os.pidfd_open(pid)
        try:
            socket.send_fds(channel, [str(pid).encode()], [handle, status_read])
        except OSError:  # the owner died after it had asked
            _give_up(children)
        for fd in (handle, status_read, *fds):
            os.close(fd)


def _give_up(children: Mapping[int, int]) -> NoReturn:
    """End with the owner, and take along what it has had started."""
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    sys.exit(0)


def _reap(children: dict[int, int]) -> None:
    """Tell the owners of ended children how they ended."""
    for pid, status in list(children.items()):
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError):
                os.write(status, str(os.waitstatus_to_exitcode(code)).encode())
            os.close(status)
            del children[pid]


def _become(start: Start, log: int) -> None:
    """Give the child what a new process would have: session, output, environment, folder and arguments."""
    module, arguments, environment, folder = start
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [module, *arguments]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(write_through=True)


def main() -> None:
    """Import what the module imports, wait for requests, and run the module in each forked child."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    module = sys.argv[2]
    found = importlib.util.find_spec(module)
    is_package = found is not None and found.submodule_search_locations is not None
    # What is run as the main program is read again in each child; it must not be there already.
    program = f"{module}.__main__" if is_package else module
    importlib.import_module(program)
    sys.modules.pop(program)
    # Children share the pages of what was imported as long as no collection touches it.
    gc.collect()
    gc.freeze()
    start = _serve(channel)
    runpy.run_module(start[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
