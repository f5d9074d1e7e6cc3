"""Books an exam morning over REST, plays its candidates and watches until everything is over."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import ReserveSession, SessionView
from lcm_core.contracts.workers import TemplateSpec, TemplateView, WorkerView
from lcm_core.domain.vocabulary import DefinitionPhase, SessionPhase
from lcm_simulators.world import World
from tests.exam.plan import CLEANUP, NEEDS, Morning
from tests.exam.timeline import OFF, Timeline, Verdict, judge
from tests.system.packages import two_routers
from tests.system.platform import Platform, signed_in

CLIENTS = 16
LOOK_SECONDS = 1.0
P = SessionPhase


class Candidates:
    """People who open their lab some time after the slot's start and hand it in later, the same for the same seed."""

    def __init__(self, platform: Platform, morning: Morning, seed: int) -> None:
        self._platform = platform
        self._morning = morning
        self._seed = seed
        self._begun: set[str] = set()
        self._done: set[str] = set()
        self._gate = asyncio.Semaphore(CLIENTS)

    async def act(self, now: datetime, sessions: Sequence[SessionView], numbers: dict[str, int]) -> None:
        """Do what is due."""
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                dice = random.Random(f"{self._seed}/{numbers[session.id]}")
                slot, phase = session.spec.slot, session.status.phase
                opens, hands_in = self._morning.opens(slot, dice.random()), self._morning.hands_in(slot, dice.random())
                if phase is P.READY and now >= opens and session.id not in self._begun:
                    group.create_task(self._begin(session.id))
                elif phase is P.RUNNING and now >= hands_in and session.id not in self._done:
                    group.create_task(self._finish(session.id))

    async def _begin(self, session_id: str) -> None:
        async with self._gate:
            await (await self._platform.learner(session_id)).start()
            self._begun.add(session_id)

    async def _finish(self, session_id: str) -> None:
        async with self._gate:
            await (await self._platform.learner(session_id)).finish()
            self._done.add(session_id)


class ExamMorning:
    """One morning on a running platform."""

    def __init__(self, platform: Platform, clock: DomainClock, morning: Morning, seed: int = 1) -> None:
        self._platform = platform
        self._clock = clock
        self._morning = morning
        self._seed = seed

    async def run(self, folder: Path) -> Verdict:
        """From the bookings to the verdict."""
        await self.only_machine()
        package = two_routers(folder, "exam")
        lab = await self._platform.define(
            package, requirements=NEEDS.model_dump(), boot_lead_minutes=self._morning.lead, cleanup_minutes=CLEANUP
        )
        assert lab.status.phase is DefinitionPhase.ACTIVE, lab.status.sync.errors
        begun = self._clock.now()
        numbers = await self._book(lab, begun)
        timeline = Timeline(begun)
        print(f"{len(numbers)} sessions booked in {self._morning.slots} slots; no machine runs", flush=True)
        return await self._watch(timeline, numbers, self._morning.must_be_over(begun))

    async def only_machine(self) -> None:
        """Leave only the exam's template enabled."""
        api = self._platform.api
        page = await api.call("GET", "/api/worker-templates", response=Page[TemplateView])
        for template in page.items:
            await api.call(
                "PUT",
                f"/api/worker-templates/{template.id}",
                body=template.spec.model_copy(update={"enabled": False}),
                headers={"If-Match": f'"{template.version}"'},
                response=TemplateView,
            )
        body: TemplateSpec = self._morning.template()
        await api.call("POST", "/api/worker-templates", body=body, response=TemplateView)

    async def _book(self, lab: DefinitionView, now: datetime) -> dict[str, int]:
        """Reserve all sessions; the number of each by its id."""
        gate = asyncio.Semaphore(CLIENTS)

        async def book(number: int) -> tuple[str, int]:
            body = ReserveSession(
                definition_id=lab.id, slot=self._morning.slot(number, now), note=f"candidate {number + 1}"
            )
            async with gate:
                made = await self._platform.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)
            return made.id, number

        return dict(await asyncio.gather(*(book(number) for number in range(self._morning.sessions))))

    async def _watch(self, timeline: Timeline, numbers: dict[str, int], over: datetime) -> Verdict:
        candidates = Candidates(self._platform, self._morning, self._seed)
        while True:
            sessions, workers = await self._sessions(), await self._workers()
            now = self._clock.now()
            timeline.show(now, sessions, workers)
            ended = all(session.status.phase is P.TERMINATED for session in sessions)
            if now >= over or (ended and all(worker.status.phase in OFF for worker in workers)):
                return judge(now, sessions, workers, timeline.most_workers, self._morning.workers)
            await candidates.act(now, sessions, numbers)
            await asyncio.sleep(LOOK_SECONDS)

    async def _sessions(self) -> list[SessionView]:
        found: list[SessionView] = []
        cursor = ""
        while True:
            params = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = await self._platform.api.call(
                "GET", "/api/lablet-sessions", params=params, response=Page[SessionView]
            )
            found += page.items
            if not (cursor := page.next_cursor or ""):
                return found

    async def _workers(self) -> list[WorkerView]:
        return await self._platform.workers()


def exam_world(folder: Path, factor: float) -> World:
    """A platform of its own, whose data goes to ``folder``; not started yet."""
    return World(
        folder / "world",
        ports="ephemeral",
        clock_factor=factor,
        environment={"LCM_LOG_LEVEL": "WARNING"},
        durable=False,
        report=lambda _: None,
    )


async def exam_morning(folder: Path, morning: Morning, seed: int = 1) -> Verdict:
    """A morning on a platform of its own."""
    world = exam_world(folder, morning.factor)
    async with world, signed_in(world) as platform:
        return await ExamMorning(platform, DomainClock(world.clock_file), morning, seed).run(folder)
