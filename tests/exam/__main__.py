"""``make exam-morning [SESSIONS=600] [SLOTS=3] [WORKERS=25] [FACTOR=12]``: exits 1 when a candidate would complain.

``make exam-day [HOURS=24] [SESSIONS=16]`` runs an exam every hour; it exits with 1 as well when something grows.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.exam.day import exam_day
from tests.exam.plan import Morning
from tests.exam.run import exam_morning


def main() -> int:
    """Run a morning, print its timeline and the verdict."""
    usual = Morning()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=usual.sessions)
    parser.add_argument("--slots", type=int, default=usual.slots)
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--factor", type=float, default=usual.factor, help="domain seconds in a real one, at most 60")
    parser.add_argument("--seed", type=int, default=1, help="of the candidates' times")
    parser.add_argument("--day-hours", type=int, default=0, help="so many hours with an exam in each, not a morning")
    options = parser.parse_args()
    if options.day_hours:
        return _day(options)
    morning = Morning(options.sessions, options.slots, options.workers, options.factor)
    with tempfile.TemporaryDirectory(prefix="exam-morning-") as folder:
        verdict = asyncio.run(exam_morning(Path(folder), morning, options.seed))
    for complaint in verdict.complaints[:20]:
        print(complaint)
    print(verdict.sentence)
    return 1 if verdict.complaints else 0


def _day(options: argparse.Namespace) -> int:
    size = {"hours": options.day_hours, "sessions": options.sessions, "workers": options.workers}
    with tempfile.TemporaryDirectory(prefix="exam-day-") as folder:
        day = asyncio.run(exam_day(Path(folder), factor=options.factor, **size))
    for complaint in day.complaints[:20]:
        print(complaint)
    if day.samples:
        print("documents at the end: " + ", ".join(f"{n} {c}" for n, c in day.samples[-1].documents.items()))
    print(day.sentence)
    return 1 if day.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
