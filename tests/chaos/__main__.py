"""``make chaos [SEEDS=10] [FIRST_SEED=1] [DURATION=40 TOGETHER=10]``: exits 1 when a run broke a promise."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.warm import WarmStarts
from tests.chaos.run import Chaos, Report, chaos_on

ARTIFACTS = Path(__file__).resolve().parents[2] / "build" / "chaos"


async def _play(options: argparse.Namespace) -> list[Report]:
    """All seeds. A platform serves several of them as long as it leaves each one clean."""
    task = asyncio.current_task()
    assert task is not None
    # Cancelled, a run stops the processes of its platform; ended at once it would leave them behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    reports: list[Report] = []
    seeds = deque(range(options.first_seed, options.first_seed + options.seeds))
    while seeds:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            async with chaos_on(Path(folder)) as chaos:
                print(f"a platform is up after {time.monotonic() - begun:.1f} s", flush=True)
                for _ in range(min(options.together, len(seeds))):
                    reports.append(await _one(chaos, seeds.popleft(), options.duration))
                    if reports[-1].violations:
                        break
    return reports


async def _one(chaos: Chaos, seed: int, duration: float) -> Report:
    begun = time.monotonic()
    report = await chaos.run(seed, duration, ARTIFACTS / str(seed))
    print(f"{report}; {time.monotonic() - begun:.0f} s in all", flush=True)
    for sentence in report.violations[:20]:
        print(f"  {sentence}", flush=True)
    return report


def main() -> int:
    """Play the seeds, print each run and the verdict; 2 when the whole was ended before its time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--duration", type=float, default=40.0, help="seconds of faults in each run")
    parser.add_argument("--together", type=int, default=10, help="seeds played on one platform; 1 for a replay")
    EmbeddedServer.warm_starts = WarmStarts.if_wanted()
    try:
        reports = asyncio.run(_play(parser.parse_args()))
    except asyncio.CancelledError:
        print("The runs were ended before their time, so there is no verdict.")
        return 2
    bad = [report for report in reports if report.violations]
    faults, operations = sum(report.faults for report in reports), sum(report.operations for report in reports)
    what = f"{len(reports)} runs with {faults} faults and {operations} operations"
    if bad:
        seeds = ", ".join(str(report.seed) for report in bad)
        print(f"Promises were broken in {len(bad)} of {what}: seeds {seeds}, see build/chaos/<seed>.")
        return 1
    print(f"Every promise held in {what}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
