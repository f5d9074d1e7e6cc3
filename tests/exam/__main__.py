"""``make exam-morning [SESSIONS=600] [SLOTS=3] [WORKERS=25] [FACTOR=12]``: exits 1 when a candidate would complain."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

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
    options = parser.parse_args()
    morning = Morning(options.sessions, options.slots, options.workers, options.factor)
    with tempfile.TemporaryDirectory(prefix="exam-morning-") as folder:
        verdict = asyncio.run(exam_morning(Path(folder), morning, options.seed))
    for complaint in verdict.complaints[:20]:
        print(complaint)
    print(verdict.sentence)
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
