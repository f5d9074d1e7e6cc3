"""Flame graphs of the slowest path: what each service does while sessions go through their whole life.

Run with ``python tests/benchmarks/flames.py``; it takes about two minutes and leaves ``build/flames/<service>.svg``.
The path is that of ``platform_life.py`` with fewer sessions, from the reservation over the lab, its learner, evidence
and score to the last thing given back. py-spy samples each process from outside, fifty times a second, without
stopping it; threads that wait are left out, so the width of a frame is its share of the processor time. Publishes no
rows: a figure taken under a profiler says nothing. ``BENCH_SESSIONS`` and ``BENCH_WORKERS`` choose another load.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lcm_simulators.embedded.tools import find_program

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "flames"
PER_SECOND = 50
WRITING_SECONDS = 60.0

os.environ.setdefault("BENCH_SESSIONS", "120")
os.environ.setdefault("BENCH_WORKERS", "12")

# It reads the load when it is imported, and makes the tests' helpers importable.
from platform_life import CHECKED, measure, quick_world, signed_in  # noqa: E402


def recorder(service: str, pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A profiler of one process, which writes its picture when it is interrupted."""
    py_spy = str(find_program("profiler", "py-spy"))
    command = [py_spy, "record", "--nonblocking", "--rate", str(PER_SECOND), "--format", "flamegraph"]
    picture = ["--output", str(folder / f"{service}.svg"), "--pid", str(pid)]
    return subprocess.Popen([*command, *picture], stdout=subprocess.DEVNULL, start_new_session=True)


@contextmanager
def recorded(pids: Mapping[str, int], folder: Path) -> Iterator[None]:
    """Record every process during the block. Raises ``RuntimeError`` when a picture was not drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in pids:
        (folder / f"{service}.svg").unlink(missing_ok=True)
    recorders = {service: recorder(service, pid, folder) for service, pid in pids.items()}
    try:
        yield
    finally:
        for each in recorders.values():
            each.send_signal(signal.SIGINT)
        codes = {service: each.wait(WRITING_SECONDS) for service, each in recorders.items()}
    missing = sorted(service for service in pids if not (folder / f"{service}.svg").exists())
    if missing:
        raise RuntimeError(f"no flame graph of {', '.join(missing)}: py-spy ended with {codes}")


async def record() -> int:
    """Record, and say where the pictures are; 1 when the load itself went wrong."""
    with tempfile.TemporaryDirectory(prefix="bench-flames-") as name:
        world = quick_world(Path(name))
        async with world, signed_in(world) as platform:
            pids = {service: pid for service in CHECKED if (pid := world.pid(service)) is not None}
            with recorded(pids, FOLDER):
                _, faults = await measure(world, platform, Path(name))
    for service in pids:
        print((FOLDER / f"{service}.svg").relative_to(ROOT))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    """Bring the profiler and record."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "bootstrap_tools.py"), "profiler"], check=True)
    return asyncio.run(record())


if __name__ == "__main__":
    sys.exit(main())
