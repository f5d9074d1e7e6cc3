"""The commands ``run``, ``down`` and ``status`` of the platform."""

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import ServerStartError
from lcm_simulators.embedded.tools import ToolMissingError
from lcm_simulators.supervisor.files import Roster, RunningProcess
from lcm_simulators.supervisor.ports import PortTakenError
from lcm_simulators.world import AlreadyRunningError, World, end_processes, local_environment

_ROOT = Path(__file__).resolve().parents[4]
# A tenth of real boot times: a first lab is ready within two minutes instead of ten, and every phase can still be seen.
_BOOT_SCALE = 0.1
_DETACH_SECONDS = 240.0
_DOWN_SECONDS = 45.0


def _data_dir(environment: dict[str, str]) -> Path:
    return Path(environment.get("LCM_DATA_DIR") or _ROOT / ".data").resolve()


def _say(text: str) -> None:
    print(text, flush=True)


def _welcome(world: World, seconds: float) -> str:
    url = world.settings.ports.control_plane
    factor = world.settings.clock_factor
    speed = f"  Domain time runs {factor:g} times as fast as real time.\n" if factor != 1 else ""
    return (
        f"\nThe Lablet Cloud Manager is ready after {seconds:.1f} s.\n"
        f"  Console   http://127.0.0.1:{url}/\n"
        f"  API       http://127.0.0.1:{url}/api/docs\n"
        f"  Users     admin, manager, user, author (password: test)\n"
        f"  Data      {world.data_dir}\n"
        f"  Logs      {world.data_dir / 'logs'}\n"
        f"{speed}"
        "  Stop with Ctrl-C, or with `make down` from another terminal.\n"
    )


async def _run(options: argparse.Namespace) -> None:
    environment = local_environment(_ROOT)
    factor = options.clock_factor or environment.get("LCM_CLOCK_FACTOR") or None
    begun = time.monotonic()
    world = World(
        _data_dir(environment),
        clock_factor=None if factor is None else float(factor),
        boot_scale=float(environment.get("LCM_SIM_BOOT_SCALE") or _BOOT_SCALE),
        environment=environment,
        only=[name for name in (options.only or "").split(",") if name],
        report=_say,
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    starting = asyncio.create_task(world.start())
    interrupted = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            await starting
            _say(_welcome(world, time.monotonic() - begun))
            await interrupted
        else:
            starting.cancel()
            await asyncio.wait({starting})
        _say("stopping")
    finally:
        interrupted.cancel()
        await world.stop()


def _run_detached(arguments: list[str]) -> int:
    """Start the supervisor in the background and return once the platform is ready."""
    data = _data_dir(local_environment(_ROOT))
    log = data / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "lcm_simulators.world", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _DETACH_SECONDS
    while time.monotonic() < deadline:
        roster = Roster.read(data / "pids.json")
        if child.poll() is not None or (roster and roster.ready and roster.supervisor.pid == child.pid):
            break
        time.sleep(0.1)
    sys.stdout.write(log.read_text())
    return child.returncode or 0 if child.poll() is not None else 0


def _down() -> int:
    """Stop the platform of the data folder, whoever started it."""
    roster_file = _data_dir(local_environment(_ROOT)) / "pids.json"
    roster = Roster.read(roster_file)
    if roster is None:
        _say("the platform does not run")
        return 0
    supervisor = roster.supervisor.find()
    if supervisor is not None:
        supervisor.terminate()
        psutil.wait_procs([supervisor], timeout=_DOWN_SECONDS)
    end_processes(Roster.read(roster_file) or roster, _say)
    roster_file.unlink(missing_ok=True)
    _say("stopped")
    return 0


async def _state_of(record: RunningProcess) -> str:
    if record.find() is None:
        return "dead"
    if not record.health_path:
        return "running"
    status, _ = await http_body("127.0.0.1", record.port, record.health_path)
    return "healthy" if status == 200 else f"answers {status}" if status else "silent"


async def _status() -> int:
    """Print one line per process; 0 when everything runs, 1 when something does not, 3 when nothing does."""
    roster = Roster.read(_data_dir(local_environment(_ROOT)) / "pids.json")
    if roster is None or roster.supervisor.find() is None:
        _say("the platform does not run; start it with `make run`")
        return 3
    _say(f"{'process':<20}{'pid':>8}{'port':>7}  {'state':<12}{'minutes':>9}{'MB':>6}{'restarts':>10}")
    states = await asyncio.gather(*(_state_of(record) for record in roster.processes.values()))
    for (name, record), state in zip(roster.processes.items(), states, strict=True):
        process = record.find()
        memory = process.memory_info().rss / 2**20 if process else 0
        minutes = (time.time() - record.created) / 60
        line = f"{name:<20}{record.pid:>8}{record.port:>7}  {state:<12}{minutes:>9.1f}{memory:>6.0f}"
        _say(f"{line}{record.restarts:>10}")
    return 0 if roster.ready and all(state in {"running", "healthy"} for state in states) else 1


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 1 after one clear message when the platform cannot start."""
    parser = argparse.ArgumentParser(prog="world", description="Run the whole platform on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything and stay until Ctrl-C")
    run.add_argument("--detach", action="store_true", help="return when the platform is ready")
    run.add_argument("--clock-factor", help="domain seconds per real second")
    run.add_argument("--only", help="comma-separated processes to run, with what they need")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="show the processes")
    options = parser.parse_args(arguments)
    if options.command == "down":
        return _down()
    if options.command == "status":
        return asyncio.run(_status())
    if options.detach:
        given = [argument for argument in (arguments or sys.argv[1:])[1:] if argument != "--detach"]
        return _run_detached(given)
    try:
        asyncio.run(_run(options))
    except (AlreadyRunningError, PortTakenError, ServerStartError, ToolMissingError, ValueError) as error:
        print(f"cannot start: {error}", file=sys.stderr, flush=True)
        return 1
    return 0
