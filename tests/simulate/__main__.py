"""``python -m tests.simulate``: many runs side by side, one verdict."""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulate.single_run import HOURS, SESSIONS, Outcome, Plan, simulate

REPORT_EVERY = 50


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="number of runs (default: 100)")
    parser.add_argument("--first-seed", type=int, default=1, help="seed of the first run (default: 1)")
    parser.add_argument("--sessions", type=int, default=SESSIONS, help=f"reservations of one run (default: {SESSIONS})")
    parser.add_argument(
        "--hours", type=float, default=HOURS, help=f"hours of domain time with faults (default: {HOURS:g})"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per CPU)")
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="end after so long, whatever is left (default: no limit)"
    )
    parser.add_argument("--calm", action="store_true", help="no faults")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first violation")
    return parser.parse_args()


def _runs(plans: list[Plan], jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from map(simulate, plans)
        return
    # What was imported is never garbage: the collection after each run need not look at it in every process.
    gc.collect()
    gc.freeze()
    with ProcessPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(simulate, plans, chunksize=4)
        finally:
            pool.shutdown(cancel_futures=True)


def _show(outcome: Outcome, wanted: argparse.Namespace) -> None:
    print(f"\nseed {outcome.seed}: {outcome.violation}\nwhat happened last:")
    for line in outcome.lines[-120:]:
        print(f"  {line}")
    options = f' OPTIONS="{again}"' if (again := _options(wanted)) else ""
    print(f"again: make simulate SEEDS=1 FIRST_SEED={outcome.seed}{options}\n", flush=True)


def _options(wanted: argparse.Namespace) -> str:
    """What else a run needs to be the same again."""
    return " ".join(
        [
            *([f"--sessions {wanted.sessions}"] if wanted.sessions != SESSIONS else []),
            *([f"--hours {wanted.hours:g}"] if wanted.hours != HOURS else []),
            *(["--calm"] if wanted.calm else []),
        ]
    )


def main() -> int:
    """Run the seeds; 1 when anything was violated."""
    wanted = _arguments()
    seeds = range(wanted.first_seed, wanted.first_seed + wanted.seeds)
    plans = [Plan(seed, wanted.sessions, wanted.hours, faults=not wanted.calm) for seed in seeds]
    started, done, bad = time.perf_counter(), 0, 0
    hours, faults, checked, sessions = 0.0, 0, 0, 0
    ends: Counter[str] = Counter()
    for outcome in _runs(plans, max(1, min(wanted.jobs, len(plans)))):
        done += 1
        hours, faults = hours + outcome.session_hours, faults + outcome.faults
        checked, sessions = checked + outcome.checked, sessions + outcome.sessions
        ends.update(outcome.outcomes)
        if outcome.violation:
            bad += 1
            _show(outcome, wanted)
            if not wanted.keep_going:
                break
        if done % REPORT_EVERY == 0:
            print(f"{done} runs, {hours:.0f} session-hours, {faults} faults, {bad} violations", flush=True)
        if wanted.minutes and time.perf_counter() - started > 60 * wanted.minutes:
            break
    minutes = (time.perf_counter() - started) / 60
    print(f"ends: {', '.join(f'{count} {word}' for word, count in sorted(ends.items()))}")
    verdict = "no violation" if not bad else f"{bad} violation{'s' if bad > 1 else ''}"
    print(
        f"{done} runs from seed {wanted.first_seed} on: {sessions} sessions of {hours:.0f} hours, {faults} faults, "
        f"{checked} writes checked, {hours / minutes:.0f} session-hours a minute, {verdict}."
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
