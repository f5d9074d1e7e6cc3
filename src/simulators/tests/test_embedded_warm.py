"""A service that is forked from its launcher is like one that was started from nothing, only sooner."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from lcm_simulators.embedded.process import EmbeddedServer, free_port
from lcm_simulators.embedded.warm import Process, WarmStarts, understood

MODULE = "lcm_simulators.grading"
DEADLINE_SECONDS = 60.0
KILL_THE_OWNER = """
import os, sys
from pathlib import Path
from lcm_simulators.embedded.warm import WarmStarts

with (Path(sys.argv[1]) / "log").open("wb") as log:
    process = WarmStarts().start([sys.executable, "-m", "lcm_simulators.grading"], dict(os.environ), log)
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


DIE_BEFORE_THE_ANSWER = """
import json, os, socket, sys
from pathlib import Path
from lcm_simulators.embedded.warm import Launcher

folder = Path(sys.argv[1])
launcher = Launcher("lcm_simulators.grading")
start = ["lcm_simulators.grading", [], dict(os.environ), str(folder)]
with (folder / "log").open("wb") as log:
    for _ in range(3):
        socket.send_fds(launcher._ours, [json.dumps(start).encode()], [log.fileno()])
print(launcher.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmStarts]:
    """Launchers of these tests alone."""
    starts = WarmStarts()
    yield starts
    starts.end()


def environment(**more: str) -> dict[str, str]:
    """What a grading engine needs, on a port of its own."""
    return {**os.environ, "LCM_GRADING_PORT": str(free_port()), **more}


def cold(command: list[str], variables: Mapping[str, str], log: Path) -> Process:
    """The same start from nothing."""
    with log.open("wb") as file:
        return subprocess.Popen(command, env=variables, stdout=file, stderr=file, start_new_session=True)


def started(warm: WarmStarts, variables: Mapping[str, str], log: Path, *arguments: str) -> Process:
    """A warm start of the grading engine."""
    with log.open("wb") as file:
        process = warm.start([sys.executable, "-m", MODULE, *arguments], variables, file)
    assert process is not None
    return process


def until_it_listens(process: Process, port: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not any(connection.laddr.port == port for connection in psutil.Process(process.pid).net_connections("tcp")):
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.01)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_as_one_started_from_nothing(warm: WarmStarts, tmp_path: Path, sent: signal.Signals) -> None:
    for number, start in enumerate((lambda *a: started(warm, *a), lambda *a: cold([sys.executable, "-m", MODULE], *a))):
        variables = environment()
        process = start(variables, tmp_path / f"{number}.log")
        until_it_listens(process, int(variables["LCM_GRADING_PORT"]))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(sent)
        assert process.wait(DEADLINE_SECONDS) == -sent
        assert process.poll() == -sent
        process.send_signal(signal.SIGKILL)  # nobody is meant any more; it must not raise


def test_it_has_the_environment_folder_and_log_of_its_own(warm: WarmStarts, tmp_path: Path) -> None:
    os.environ["LCM_LEFT_OUT"] = "1"
    try:
        variables = environment(LCM_ONLY_HERE="yes")
        del variables["LCM_LEFT_OUT"]
        process = started(warm, variables, tmp_path / "log")
    finally:
        del os.environ["LCM_LEFT_OUT"]
    until_it_listens(process, int(variables["LCM_GRADING_PORT"]))
    seen = psutil.Process(process.pid)
    assert Path(seen.cwd()) == Path.cwd()
    assert os.getsid(process.pid) == process.pid
    assert Path(f"/proc/{process.pid}/fd/1").readlink() == tmp_path / "log"
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_SECONDS) == -signal.SIGTERM


def test_what_is_wrong_with_its_settings_is_said_in_its_log(warm: WarmStarts, tmp_path: Path) -> None:
    variables = environment(LCM_GRADING_PORT="none")
    said = []
    for number, process in enumerate(
        (
            started(warm, variables, tmp_path / "0.log"),
            cold([sys.executable, "-m", MODULE], variables, tmp_path / "1.log"),
        )
    ):
        said.append((process.wait(DEADLINE_SECONDS), (tmp_path / f"{number}.log").read_text()))
    assert said[0] == said[1]
    assert said[0][0] != 0
    assert "port" in said[0][1].lower()


def what_a_dead_owner_said(code: str, folder: Path) -> int:
    owner = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert owner.returncode == -signal.SIGKILL, owner.stderr
    return int(owner.stdout)


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


def test_what_was_started_ends_with_its_owner(tmp_path: Path) -> None:
    until_gone(what_a_dead_owner_said(KILL_THE_OWNER, tmp_path))


def test_what_an_owner_asked_for_when_it_died_ends_too(tmp_path: Path) -> None:
    until_gone(what_a_dead_owner_said(DIE_BEFORE_THE_ANSWER, tmp_path))
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(tmp_path):
                until_gone(process.pid)


@pytest.mark.parametrize(
    ("command", "more", "read"),
    [
        ([sys.executable, "-m", MODULE, "-x"], {}, (MODULE, ["-x"], {}, None)),
        (["env", "-C", "/tmp", "A=b=c", sys.executable, "-m", MODULE], {}, (MODULE, [], {"A": "b=c"}, "/tmp")),
        (["env", "A=1", sys.executable, "-m", MODULE], {"A": "2"}, (MODULE, [], {"A": "1"}, None)),
        ([sys.executable, "-m", MODULE], {"PYTHONUNBUFFERED": "1"}, (MODULE, [], {"PYTHONUNBUFFERED": "1"}, None)),
        ([sys.executable, "-m", MODULE], {"PYTHONHASHSEED": "1"}, None),
        ([sys.executable, "-m", MODULE], {"LD_PRELOAD": "libfaketime.so"}, None),
        ([sys.executable, "-m", "moto"], {}, None),
        ([sys.executable, "-c", "pass"], {}, None),
        (["env", "-i", sys.executable, "-m", MODULE], {}, None),
        (["etcd", "--name", "a"], {}, None),
    ],
)
def test_only_a_plain_start_of_a_module_of_ours_is_warm(
    command: list[str],
    more: dict[str, str],
    read: tuple[str, list[str], dict[str, str], str | None] | None,
) -> None:
    usual = dict(os.environ)
    expected = None if read is None else (read[0], read[1], {**usual, **read[2]}, read[3] or os.getcwd())
    assert understood(command, {**usual, **more}) == expected


async def test_a_server_whose_start_was_given_up_can_be_stopped(warm: WarmStarts, tmp_path: Path) -> None:
    class Engine(EmbeddedServer):
        warm_starts = warm

        def command(self) -> list[str]:
            return ["env", f"LCM_GRADING_PORT={self.port}", sys.executable, "-m", MODULE]

        async def healthy(self) -> bool:
            return False

    engine = Engine(tmp_path / "engine")
    starting = asyncio.ensure_future(engine.start())
    await asyncio.sleep(0)
    assert engine.pid is None, "it is still being launched"
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    pid = engine.pid
    await engine.stop()
    assert pid is not None
    assert not psutil.pid_exists(pid)
