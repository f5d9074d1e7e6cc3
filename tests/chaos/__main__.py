"""``make chaos [SEEDS=10] [FIRST_SEED=1] [DURATION=40]``: exits 1 when a run broke a promise."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.run import Report, chaos_on

ARTIFACTS = Path(__file__).resolve().parents[2] / "build" / "chaos"


async def _play(options: argparse.Namespace) -> list[Report]:
    reports: list[Report] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"chaos-{seed}-") as folder:
            async with chaos_on(Path(folder)) as chaos:
                started = time.monotonic() - begun
                report = await chaos.run(seed, options.duration, ARTIFACTS / str(seed))
        reports.append(report)
        print(f"{report}; up in {started:.1f} s, {time.monotonic() - begun:.0f} s in all", flush=True)
        for sentence in report.violations[:20]:
            print(f"  {sentence}", flush=True)
    return reports


def main() -> int:
    """Play the seeds, print each run and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--duration", type=float, default=40.0, help="seconds of faults in each run")
    reports = asyncio.run(_play(parser.parse_args()))
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
