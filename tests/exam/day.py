"""A day of exams: a new slot every hour of domain time, and nothing may grow but what is stored.

The machines are launched for each slot and switched off after it. Memory, open files and the size of every collection
are noted all the time; at the end the last quarter of the day is compared with the second one.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psutil
from pymongo import AsyncMongoClient

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import ReserveSession, SessionView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_core.etcd import EtcdClient
from lcm_simulators.world import World
from tests.exam.flatness import Sample, growing
from tests.exam.plan import CLEANUP, NEEDS, Morning
from tests.exam.run import ExamMorning, exam_world
from tests.system.packages import two_routers
from tests.system.platform import Platform, signed_in

SERVICES = ("control-plane", "resource-scheduler", "worker-controller", "lablet-controller")
SAMPLE_SECONDS = 10.0
LOOK_SECONDS = 1.0
CLIENTS = 8
HOUR = timedelta(hours=1)
LENGTH, LEAD, FIRST = 30, 15, 20
WRAP_UP = timedelta(minutes=75)
P = SessionPhase
_LIVE = ",".join(phase for phase in P if phase is not P.TERMINATED)


@dataclass(slots=True)
class Day:
    """What a day came to."""

    hours: int
    booked: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """The last line."""
        if self.complaints:
            return f"FAILED: {len(self.complaints)} complaints, the first: {self.complaints[0]}"
        return f"OK: {len(self.booked)} sessions in {self.hours} hours of exams, all scored; nothing grew without end."


class ExamDay:
    """One day on a running platform."""

    def __init__(self, world: World, platform: Platform, hours: int, sessions: int, workers: int) -> None:
        self._world = world
        self._platform = platform
        self._client = ControlPlaneClient(platform.api)
        self._clock = DomainClock(world.clock_file)
        self._sessions = sessions
        self._morning = Morning(sessions=sessions, workers=workers, lead=LEAD, length=LENGTH)
        self._gate = asyncio.Semaphore(CLIENTS)
        self._pressed: set[tuple[str, P]] = set()
        self.day = Day(hours)

    async def run(self, folder: Path) -> Day:
        """From the first booking to the verdict."""
        begun = self._clock.now()
        await ExamMorning(self._platform, self._clock, self._morning).only_machine()
        package = two_routers(folder, "exam-day")
        lab = await self._platform.define(
            package, requirements=NEEDS.model_dump(), boot_lead_minutes=LEAD, cleanup_minutes=CLEANUP
        )
        sampling = asyncio.create_task(self._sample(begun))
        try:
            for hour in range(self.day.hours):
                await self._book(lab.id, begun + hour * HOUR)
                await self._until(begun + (hour + 1) * HOUR)
            await self._until(begun + self.day.hours * HOUR + WRAP_UP, idle_is_enough=True)
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        await self._judge()
        return self.day

    async def _book(self, definition_id: str, hour: datetime) -> None:
        start = hour + timedelta(minutes=FIRST)
        slot = Slot(start=start, end=start + timedelta(minutes=LENGTH))

        async def book(number: int) -> None:
            async with self._gate:
                body = ReserveSession(definition_id=definition_id, slot=slot, note=f"candidate {number}")
                made = await self._platform.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)
            self.day.booked[made.id] = number

        await asyncio.gather(*(book(number) for number in range(self._sessions)))

    async def _until(self, moment: datetime, *, idle_is_enough: bool = False) -> None:
        """Play the candidates until then, or until nobody is left."""
        while (now := self._clock.now()) < moment:
            living = [session async for session in self._client.sessions(phase=_LIVE)]
            if idle_is_enough and not living:
                return
            await asyncio.gather(*(self._act(session, now) for session in living))
            await asyncio.sleep(LOOK_SECONDS)

    async def _act(self, session: SessionView, now: datetime) -> None:
        dice = random.Random(f"{session.spec.slot.start}/{self.day.booked.get(session.id)}")
        slot, phase = session.spec.slot, session.status.phase
        due = {
            P.READY: self._morning.opens(slot, dice.random()),
            P.RUNNING: self._morning.hands_in(slot, dice.random()),
        }
        if phase not in due or now < due[phase] or (session.id, phase) in self._pressed:
            return
        async with self._gate:
            learner = await self._platform.learner(session.id)
            await (learner.start() if phase is P.READY else learner.finish())
        self._pressed.add((session.id, phase))

    # What is noted ---------------------------------------------------------------------------------------------------

    async def _sample(self, begun: datetime) -> None:
        database: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(self._world.url("database"))
        async with EtcdClient([self._world.url("etcd").removeprefix("http://")]) as etcd:
            try:
                while True:
                    hours = (self._clock.now() - begun) / HOUR
                    keys = len((await etcd.list("/lcm/")).items)
                    sample = Sample(hours, _memory(self._world), _files(self._world), await _counts(database), keys)
                    self.day.samples.append(sample)
                    if int(hours) != int(self.day.samples[-2].hours if len(self.day.samples) > 1 else -1):
                        print(sample, flush=True)
                    await asyncio.sleep(SAMPLE_SECONDS)
            finally:
                await database.close()

    async def _judge(self) -> None:
        ended = {session.id: session async for session in self._client.sessions()}
        for session_id in self.day.booked:
            session = ended.get(session_id)
            if session is None:
                self.day.complaints.append(f"session {session_id} is lost")
            elif session.status.outcome is not SessionOutcome.COMPLETED or session.status.score is None:
                status = session.status
                self.day.complaints.append(
                    f"session {session_id} is {status.phase} ({status.outcome}): {status.message}"
                )
        self.day.complaints += growing(self.day.samples, self.day.hours)


def _processes(world: World) -> Mapping[str, psutil.Process]:
    found = {name: world.pid(name) for name in SERVICES}
    return {name: psutil.Process(pid) for name, pid in found.items() if pid is not None}


def _memory(world: World) -> dict[str, float]:
    return {name: process.memory_info().rss / 2**20 for name, process in _processes(world).items()}


def _files(world: World) -> dict[str, int]:
    return {name: process.num_fds() for name, process in _processes(world).items()}


async def _counts(client: AsyncMongoClient[dict[str, object]]) -> dict[str, int]:
    database = client["lcm"]
    return {name: await database[name].count_documents({}) for name in sorted(await database.list_collection_names())}


async def exam_day(folder: Path, *, hours: int, sessions: int, workers: int, factor: float) -> Day:
    """A day on a platform of its own."""
    world = exam_world(folder, factor)
    async with world, signed_in(world) as platform:
        return await ExamDay(world, platform, hours, sessions, workers).run(folder)
