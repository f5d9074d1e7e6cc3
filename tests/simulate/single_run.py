"""One run: an installation, people, faults, rest; then the verdict."""

import asyncio
import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.simulate.checks import Guard
from tests.simulate.history import History
from tests.simulate.installation import install
from tests.simulate.machines import Violation
from tests.simulate.people import People
from tests.simulate.plane import settings
from tests.simulate.quiet import leftovers, unsettled
from tests.simulate.replica import runtime_settings
from tests.simulate.trouble import Trouble
from tests.simulate.virtual_loop import run
from tests.simulate.virtual_time import virtual_time
from tests.simulate.world import FACTOR, World

SESSIONS, HOURS = 16, 2.0
"""Of a run: enough sessions to be in each other's way, and for what every run costs to be a small part of it."""
LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 24 * 3600 / FACTOR
"""Real seconds after the last deed of people within which everything must have come to rest: a day of domain time."""
SETTLING_SECONDS = 45.0
"""Real seconds for sweepers and for the search for orphans and leftovers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of: sessions, domain hours within which people act, and whether anything goes wrong."""

    seed: int
    sessions: int = SESSIONS
    hours: float = HOURS
    faults: bool = True


@dataclass(slots=True)
class Outcome:
    """What came of a run; ``violation`` is empty when everything held."""

    seed: int
    violation: str = ""
    digest: str = ""
    sessions: int = 0
    session_hours: float = 0.0
    faults: int = 0
    checked: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def simulate(plan: Plan) -> Outcome:
    """Run a plan from an empty installation to rest."""
    # Read before the run begins: what is read once must not take part in the first run's chance.
    settings(), runtime_settings()
    collecting = gc.isenabled()
    gc.disable()
    try:
        with virtual_time(plan.seed), _noticing_crashes() as crashes:
            outcome: Outcome = run(_simulate(plan, crashes))
        return outcome
    finally:
        if collecting:
            gc.enable()


class _Crashes(logging.Handler):
    """Takes what the platform logs about exceptions that it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.note: Callable[[Violation], None] = lambda violation: None

    def emit(self, record: logging.LogRecord) -> None:
        """An exception in a request, a reconcile or a background service is a bug, whatever became of it."""
        if record.exc_info and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1])[-6:])
            self.note(Violation(f"{record.getMessage()}\n{trace}"))


@contextmanager
def _noticing_crashes() -> Iterator[_Crashes]:
    root, handler = logging.getLogger(), _Crashes()
    level, handlers = root.level, root.handlers
    root.handlers = [handler]
    root.setLevel(logging.ERROR)
    try:
        yield handler
    finally:
        root.handlers = handlers
        root.setLevel(level)


async def _simulate(plan: Plan, crashes: _Crashes) -> Outcome:
    world, history = World(plan.seed), History()
    history.attach(world.database, world.etcd)
    guard = Guard(world.database, world.etcd)
    world.machines.report = world.learning.report = crashes.note = guard.note
    outcome = Outcome(plan.seed)
    people = People(world, history, (), plan.sessions, plan.hours)
    trouble = Trouble(world, history)
    try:
        world.start()
        people.definitions = await install(world)
        await _live(plan, world, people, trouble, guard)
        found = guard.violation or next(map(Violation, await leftovers(world, people.accepted)), None)
    except Violation as violation:
        # What was noticed first is more telling than that something did not come to rest.
        found = guard.violation or violation
    finally:
        world.stop()
    outcome.violation = str(found) if found else ""
    outcome.digest, outcome.checked = history.digest, guard.checked
    outcome.sessions, outcome.session_hours = len(people.accepted), people.booked
    outcome.faults = trouble.made + sum(world.weather.met.values())
    for session in world.database.documents("sessions").values():
        word = session["status"]["outcome"] or "none"
        outcome.outcomes[word] = outcome.outcomes.get(word, 0) + 1
    if found:
        outcome.lines = list(history.lines)
    return outcome


async def _live(plan: Plan, world: World, people: People, trouble: Trouble, guard: Guard) -> None:
    acting = asyncio.create_task(people.act(restless=plan.faults))
    troubling = asyncio.create_task(trouble.make(plan.hours)) if plan.faults else None
    while not acting.done():
        await asyncio.sleep(LOOK_SECONDS)
        _stop_at(guard, world)
    acting.result()
    if troubling is not None:
        await troubling
    trouble.end()
    await _rest(world, guard, PATIENCE_SECONDS)
    await asyncio.sleep(SETTLING_SECONDS)
    await _rest(world, guard, PATIENCE_SECONDS)


async def _rest(world: World, guard: Guard, patience: float) -> None:
    loop = asyncio.get_running_loop()
    limit = loop.time() + patience
    while True:
        left = next(unsettled(world), None)
        _stop_at(guard, world)
        if left is None:
            return
        if loop.time() > limit:
            raise Violation(f"a day after the last fault {left}")
        await asyncio.sleep(LOOK_SECONDS)


def _stop_at(guard: Guard, world: World) -> None:
    if guard.violation is not None:
        raise guard.violation
    for name, replica in world.replicas.items():
        failure = replica.failed()
        if failure is not None:
            raise Violation(f"process {name} ended by itself: {failure!r}")
