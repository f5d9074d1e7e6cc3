"""A few runs of every kind, and that a run can be replayed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.simulate.single_run import Plan, simulate

ROOT = Path(__file__).parents[2]


def test_sessions_live_to_their_end_where_nothing_fails() -> None:
    outcome = simulate(Plan(seed=1, sessions=3, hours=2.0, faults=False))
    assert outcome.violation == ""
    assert sum(outcome.outcomes.values()) == outcome.sessions == 3
    assert outcome.outcomes["completed"] >= 1


def test_a_seed_has_one_history_in_every_process() -> None:
    def digest(hash_seed: str) -> str:
        code = "import sys; " "from tests.simulate.single_run import *; print(simulate(Plan(7, 2, 1.0)).digest)"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    first, second = digest("1"), digest("2")
    assert len(first) == 2 * hashlib.blake2b(digest_size=16).digest_size
    assert first == second
