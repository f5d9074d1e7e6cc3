"""A thousand sessions at the same time on a hundred workers, from the bookings to the last score, and what it takes.

An exam of one slot: every machine is launched for it, every lab built before the slot, every candidate begins and hands
in, everything is graded and cleaned up, and the machines are off again. Time is sped up for all services alike.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil
from rows import Row, publish

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.exam.plan import Morning  # noqa: E402
from tests.exam.run import ExamMorning  # noqa: E402
from tests.system.platform import signed_in  # noqa: E402

from lcm_core.clock import DomainClock  # noqa: E402
from lcm_simulators.world import World  # noqa: E402

OURS = ("control_plane_api", "resource_scheduler", "worker_controller", "lablet_controller")
LOOK_SECONDS = 2.0
MIB = 2**20


def memory() -> dict[str, float]:
    """Resident MiB of each of our services."""
    found: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            words = process.cmdline()
            for service in OURS:
                if service in words:
                    found[service] = process.memory_info().rss / MIB
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


async def highest(peaks: dict[str, float]) -> None:
    """Note the highest memory of each service until cancelled."""
    while True:
        for service, used in memory().items():
            peaks[service] = max(peaks[service], used)
        await asyncio.sleep(LOOK_SECONDS)


async def measure(morning: Morning) -> list[Row]:
    """One morning."""
    peaks: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as name:
        world = World(
            Path(name) / "world",
            ports="ephemeral",
            clock_factor=morning.factor,
            environment={"LCM_LOG_LEVEL": "WARNING"},
            durable=False,
            report=str,
        )
        async with world, signed_in(world) as platform:
            watching = asyncio.create_task(highest(peaks))
            begin = time.perf_counter()
            verdict = await ExamMorning(platform, DomainClock(world.clock_file), morning).run(Path(name))
            taken = time.perf_counter() - begin
            watching.cancel()
    print(verdict.sentence)
    size = f"{morning.sessions:,} sessions on {morning.workers} workers"
    return [
        Row(f"{size}, whole life: complaints", float(len(verdict.complaints)), "complaints", 0.0),
        Row(f"{size}, whole life: machine time", taken, "s", None, 300.0),
        *(
            Row(f"memory of {service.replace('_', '-')}, {morning.sessions:,} sessions", used, "MiB", 250.0, 150.0)
            for service, used in sorted(peaks.items())
        ),
    ]


def main() -> None:
    """Run with the sizes of the speed table unless told otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--factor", type=float, default=24.0)
    options = parser.parse_args()
    morning = Morning(
        sessions=options.sessions,
        slots=1,
        workers=options.workers,
        factor=options.factor,
        first=70,
        lead=50,
        length=30,
        per_worker=10,
    )
    publish(asyncio.run(measure(morning)))


if __name__ == "__main__":
    main()
