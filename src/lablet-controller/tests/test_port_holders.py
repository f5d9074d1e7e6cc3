"""Two labs with the same ports never run at once, in whatever order their sessions take their steps."""

import itertools
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from lablet_controller.labs.holders import start_lab
from lablet_controller.labs.usage import lab_phase
from lablet_controller.pipeline.model import StepContext
from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.workers import LabRecordBatch, LabRecordReport
from lcm_core.domain.vocabulary import LabPhase, LabSource
from lcm_core.spi.cml_labs import LabInfo, LabState

NOW = datetime(2031, 5, 6, 9, 0, tzinfo=UTC)
OWNER, LATE = "owner", "late"
PORTS = {"r1": 2000}


class Step:
    """One step of a session's work; what others do may come before the next."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass
class Shared:
    """What both sessions see: the records of the control plane, and what runs in CML."""

    phases: dict[str, LabPhase] = field(default_factory=lambda: {OWNER: LabPhase.STOPPED, LATE: LabPhase.STOPPED})
    versions: dict[str, int] = field(default_factory=lambda: {OWNER: 1, LATE: 1})
    running: set[str] = field(default_factory=set)

    async def report_labs(self, batch: LabRecordBatch) -> Any:
        await Step()
        for item in batch.items:
            if item.seen_version in (None, self.versions[item.session_id]):
                self.phases[item.session_id] = item.phase
                self.versions[item.session_id] += 1
        await Step()
        return SimpleNamespace(items=[])

    async def look(self) -> None:
        """What the reconciler of the worker's labs does: records, then labs, then what was seen of them."""
        versions, known = dict(self.versions), dict(self.phases)
        await Step()
        seen = {key: lab_phase(self._info(key), [], known[key], managed=True) for key in versions}
        await Step()
        for key, phase in seen.items():
            report = LabRecordReport(
                cml_lab_id=key,
                title=key,
                phase=phase,
                source=LabSource.SESSION,
                session_id=key,
                seen_version=versions[key],
            )
            await self.report_labs(LabRecordBatch(worker_id="w1", items=[report]))

    async def lab_records(self, *, worker_id: str, phase: str) -> AsyncIterator[Any]:
        assert worker_id == "w1"
        await Step()
        found = [(key, state) for key, state in self.phases.items() if state in phase.split(",")]
        await Step()
        for key, state in found:
            yield SimpleNamespace(
                id=f"record-{key}",
                spec=SimpleNamespace(session_id=key, cml_lab_id=key),
                status=SimpleNamespace(ports=list(PORTS.values()), phase=state),
            )

    async def lab(self, _: object, lab_id: str) -> LabInfo:
        await Step()
        return self._info(lab_id)

    def _info(self, lab_id: str) -> LabInfo:
        state = LabState.STARTED if lab_id in self.running else LabState.STOPPED
        return LabInfo(lab_id, f"the lab of {lab_id}", "", state, node_count=2)

    async def start(self, _: object, lab_id: str) -> None:
        await Step()
        self.running.add(lab_id)
        assert len(self.running) < 2, "two labs run on the same port"
        await Step()

    def context(self, key: str) -> StepContext:
        """The session of a lab; only the claim of the owner is in force."""
        end = NOW + timedelta(hours=1 if key == OWNER else -1)
        placement = SimpleNamespace(
            worker_id="w1",
            ports=PORTS,
            booked=Slot(start=end - timedelta(hours=1), end=end),
            resources=Resources(cores=1, memory_mb=1, storage_gb=1, nodes=1),
        )
        session = SimpleNamespace(id=key, spec=SimpleNamespace(definition_title="T", definition_id="d"))
        definition = SimpleNamespace(status=SimpleNamespace(content=None))
        outside = SimpleNamespace(cml=self)
        deps = SimpleNamespace(control_plane=self, outside=outside, clock=SimpleNamespace(now=lambda: NOW))
        made = SimpleNamespace(deps=deps, session=session, placement=placement, definition=definition, cml="cml")
        return cast("StepContext", made)


def run(shared: Shared, turns: list[int], tries: int = 30) -> dict[str, bool]:
    """Both sessions try until they have started or have tried often; who has started. Somebody looks meanwhile."""
    started = {OWNER: False, LATE: False}

    async def tries_to_start(key: str) -> None:
        for _ in range(tries):
            if not await start_lab(shared.context(key), key):
                started[key] = True
                return
            await Step()

    async def looks() -> None:
        for _ in range(tries):
            await shared.look()

    work: list[Coroutine[None, None, None]] = [tries_to_start(OWNER), tries_to_start(LATE), looks()]
    order = itertools.chain(turns, itertools.cycle(range(len(work))))
    living = set(range(len(work)))
    while living:
        turn = next(order)
        if turn in living:
            try:
                work[turn].send(None)
            except StopIteration:
                living.discard(turn)
    return started


@given(st.lists(st.integers(0, 2), max_size=160))
def test_only_one_lab_runs_on_a_port(turns: list[int]) -> None:
    started = run(Shared(), turns)
    assert sum(started.values()) <= 1
    assert any(started.values()), "both waited for each other"


def test_a_lab_that_runs_although_its_record_says_stopped_holds_its_ports() -> None:
    shared = Shared(phases={OWNER: LabPhase.STOPPED, LATE: LabPhase.STOPPED}, running={LATE})
    assert not run(shared, [0] * 200, tries=3)[OWNER]


def test_a_lab_that_runs_late_keeps_the_next_one_waiting_and_no_longer() -> None:
    shared = Shared(phases={OWNER: LabPhase.STOPPED, LATE: LabPhase.BOOTED}, running={LATE})
    assert not run(shared, [0] * 200, tries=3)[OWNER]
    assert shared.running == {LATE}
    shared.running.clear()
    shared.phases[LATE] = LabPhase.STOPPED
    assert run(shared, [0] * 40)[OWNER]


def test_a_lab_whose_time_is_over_waits_for_the_next_one_that_has_announced_itself() -> None:
    shared = Shared(phases={OWNER: LabPhase.STARTING, LATE: LabPhase.STOPPED})
    started = run(shared, [1] * 200, tries=5)
    assert started == {OWNER: True, LATE: False}
    assert shared.phases[LATE] is LabPhase.STOPPED
