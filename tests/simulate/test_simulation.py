"""A few runs of every kind, that a run can be replayed, and that what is checked can fail."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lcm_core.spi.cml_labs import CmlLabs
from lcm_core.spi.cml_system import CmlSystem
from lcm_core.spi.ec2 import Ec2
from lcm_core.spi.errors import OutsideUnavailable
from lcm_core.spi.grading import GradingEngine
from lcm_core.spi.lds import DeliverySystem
from tests.simulate.checks import Guard
from tests.simulate.database import Database
from tests.simulate.etcd import Etcd
from tests.simulate.meddling import DEEDS, Meddling, meddled
from tests.simulate.network import Connection, Fate, Spell, Weather
from tests.simulate.outside_labs import outside_failure
from tests.simulate.single_run import Plan, simulate
from tests.simulate.virtual_loop import run

ROOT = Path(__file__).parents[2]
REPLAYED = Plan(seed=7, sessions=1, hours=0.4)


def test_sessions_live_to_their_end_where_nothing_fails() -> None:
    outcome = simulate(Plan(seed=1, sessions=2, hours=0.5, faults=False))
    assert outcome.violation == ""
    assert sum(outcome.outcomes.values()) == outcome.sessions == 2
    assert outcome.outcomes["completed"] >= 1


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_left_behind_under_faults(seed: int) -> None:
    outcome = simulate(Plan(seed, sessions=2, hours=1.0))
    assert outcome.violation == "", "\n".join(outcome.lines)
    assert outcome.faults > 0
    assert outcome.checked > 0


def test_a_seed_has_one_history_in_every_process() -> None:
    traced = "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider"
    traced += "; trace.set_tracer_provider(TracerProvider())"
    code = f"{traced}; from tests.simulate.single_run import *; print(simulate({REPLAYED!r}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    digest = simulate(REPLAYED).digest
    assert other.stdout.strip() == digest
    assert simulate(replace(REPLAYED, seed=8)).digest != digest


def test_an_outcome_that_changes_is_noticed() -> None:
    def session(version: int, outcome: str) -> dict[str, object]:
        status = {"phase": "stopping", "outcome": outcome, "lab": None}
        return {"_id": "s", "version": version, "spec": {}, "status": status}

    async def write() -> Guard:
        database = Database()
        database.write("sessions", "s", session(4, "failed"))
        guard = Guard(database, Etcd(1))
        database.write("sessions", "s", session(5, "completed"))
        return guard

    violation = run(write()).violation
    assert str(violation) == "session s had outcome failed and now has completed"


def test_a_move_beside_the_table_is_noticed() -> None:
    async def write() -> Guard:
        database = Database()
        status = {"phase": "terminated", "outcome": "failed", "lab": None}
        database.write("sessions", "s", {"_id": "s", "version": 1, "spec": {}, "status": status})
        guard = Guard(database, Etcd(1))
        again = {"phase": "running", "outcome": "failed", "lab": None}
        database.write("sessions", "s", {"_id": "s", "version": 2, "spec": {}, "status": again})
        return guard

    assert "went from terminated to running" in str(run(write()).violation)


def test_time_passes_however_short_a_wait_is() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1000)
        due = loop.time() + 1e-7
        for _ in range(10):
            if loop.time() >= due:
                return loop.time()
            await asyncio.sleep(1e-15)
        return 0.0

    assert run(wait()) > 1000


class _Labs:
    def __init__(self, told: list[str]) -> None:
        self._told = told

    async def import_lab(self) -> str:
        self._told.append("import")
        return "lab-1"

    async def converged(self) -> bool:
        self._told.append("look")
        return True


def test_somebody_acts_in_the_middle_of_a_deed_and_not_of_a_look() -> None:
    async def act() -> list[str]:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        meddling = Meddling(1)
        meddling.share = 1.0
        meddling.act = lambda: told.append("wish")
        labs = meddled(_Labs(told), meddling)
        assert await labs.converged()
        assert loop.time() == 0
        assert await labs.import_lab() == "lab-1"
        assert loop.time() > 0.2
        meddling.share = 0.0
        await labs.import_lab()
        return told

    assert run(act()) == ["look", "wish", "import", "import"]


def test_every_deed_is_a_method_of_a_port() -> None:
    ports = (CmlLabs, CmlSystem, Ec2, DeliverySystem, GradingEngine)
    assert {name for name in DEEDS if not any(hasattr(port, name) for port in ports)} == set()


@pytest.mark.parametrize("stopped", [True, False], ids=["caller stopped", "answer late"])
def test_a_call_may_have_its_effect_when_nobody_waits_for_it_any_more(stopped: bool) -> None:
    async def calls() -> tuple[int, int]:
        weather, effects = Weather(seed=1), list[float]()
        loop = asyncio.get_running_loop()
        fate = Fate.SLOW if stopped else Fate.LATE
        weather.spell("LDS", Spell(loop.time() + 60, fate, 1.0))
        weather.astray = 1.0
        connection = Connection(weather, "LDS", outside_failure("LDS"))
        call = asyncio.create_task(connection.call(lambda: effects.append(loop.time())))
        if stopped:
            await asyncio.sleep(0.01)
            call.cancel()
        [told] = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(told, asyncio.CancelledError if stopped else OutsideUnavailable)
        before = len(effects)
        await asyncio.sleep(Weather.LATEST)
        return before, len(effects)

    before, after = run(calls())
    assert after == 1
    if stopped:
        assert before == 0


def test_what_the_platform_owns_has_no_late_effects() -> None:
    async def calls() -> None:
        weather, effects = Weather(seed=1), list[float]()
        loop = asyncio.get_running_loop()
        weather.spell("etcd", Spell(loop.time() + 60, Fate.LATE, 1.0))
        with pytest.raises(ConnectionError):
            await Connection(weather, "etcd", ConnectionError).call(lambda: effects.append(loop.time()))
        assert effects == [loop.time() - Weather.LOST_AFTER], "at once, though its answer is lost"

    run(calls())
