"""The delivery system with its learners, the grading engine, and the events that both send."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from lcm_core.clock import DomainClock
from lcm_core.spi.errors import OutsideNotFound
from lcm_core.spi.grading import EngineReport, EngineState, GradingJob, GradingRequest
from lcm_core.spi.lds import LdsDevice, LdsReservation, LdsSession, LdsState
from tests.simulate.machines import Violation, raised
from tests.simulate.network import Connection

Deliver = Callable[[bytes], Awaitable[bool]]
"""Hands one CloudEvent to some replica of the lablet controller; False when it was not taken."""
OVER = frozenset({LdsState.USER_FINISHED, LdsState.ARCHIVED})
TRIES = 6


class Post:
    """Carries events: they are late, come twice, come in another order, or never."""

    def __init__(self, seed: int, clock: DomainClock, deliver: Deliver) -> None:
        self._chance = random.Random(f"{seed}/post")
        self._clock = clock
        self._deliver = deliver
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.loss = 0.0
        self.sent = 0
        self.lost = 0

    def send(self, kind: str, source: str, session_id: str, data: dict[str, object]) -> None:
        """Send an event."""
        self._number += 1
        self.sent += 1
        event = {
            "specversion": "1.0",
            "id": f"event-{self._number}",
            "source": source,
            "type": kind,
            "subject": session_id,
            "time": self._clock.now().isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        body = orjson.dumps(event)
        if self.loss and self._chance.random() < self.loss:
            self.lost += 1
            return
        copies = 2 if self.loss and self._chance.random() < self.loss else 1
        for _ in range(copies):
            task = asyncio.create_task(self._carry(body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, body: bytes) -> None:
        late = self._chance.uniform(0, 30) if self.loss and self._chance.random() < 0.2 else 0.05
        await asyncio.sleep(late)
        for attempt in range(TRIES):
            if await self._deliver(body):
                return
            await asyncio.sleep(0.5 * 2**attempt)
        self.lost += 1


@dataclass(slots=True)
class Delivery:
    """One session of the delivery system."""

    session: LdsSession
    devices: Sequence[LdsDevice] = ()
    learner: "asyncio.Task[None] | None" = None


class Learning:
    """The delivery system. A learner comes once the devices are there, works, pauses perhaps, and leaves."""

    def __init__(self, seed: int, clock: DomainClock, post: Post) -> None:
        self._chance = random.Random(f"{seed}/learners")
        self._clock = clock
        self._post = post
        self.sessions: dict[str, Delivery] = {}
        self.report: Callable[[Violation], None] = raised

    def live(self, auth_id: str) -> list[LdsSession]:
        """Sessions of an LCM session that are not over."""
        return [
            each.session
            for each in self.sessions.values()
            if each.session.auth_id == auth_id and each.session.state not in OVER
        ]

    def create(self, reservation: LdsReservation) -> LdsSession:
        """Make a session; a second one beside a first that is not over was asked for twice."""
        for known in self.live(reservation.auth_id):
            self.report(Violation(f"session {reservation.auth_id} has {known.id} at LDS, and another was asked for"))
        name = f"lds-{len(self.sessions) + 1:05d}"
        made = LdsSession(name, reservation.auth_id, LdsState.PENDING, f"{name}-1")
        self.sessions[name] = Delivery(made)
        return made

    def hand_over(self, session_id: str, devices: Sequence[LdsDevice]) -> None:
        """The devices are there; the learner may come."""
        delivery = self.known(session_id)
        delivery.devices = devices
        if delivery.learner is None and delivery.session.state not in OVER:
            delivery.learner = asyncio.create_task(self._learn(delivery))

    def known(self, session_id: str) -> Delivery:
        """A session by its id."""
        if session_id not in self.sessions:
            raise OutsideNotFound("LDS", f"there is no session {session_id}")
        return self.sessions[session_id]

    def release(self, session_id: str) -> None:
        """Archive a session; the learner is sent away."""
        delivery = self.known(session_id)
        delivery.session = replace(delivery.session, state=LdsState.ARCHIVED)
        if delivery.learner is not None:
            delivery.learner.cancel()

    async def _learn(self, delivery: Delivery) -> None:
        if self._chance.random() < 0.15:
            return  # this one never comes
        await self._clock.sleep(self._chance.uniform(60, 1800))
        self._become(delivery, LdsState.RUNNING, "started")
        await self._clock.sleep(self._chance.uniform(300, 5400))
        if self._chance.random() < 0.2:
            self._become(delivery, LdsState.PAUSED, "paused")
            await self._clock.sleep(self._chance.uniform(60, 900))
            self._become(delivery, LdsState.RUNNING, "started")
        if self._chance.random() < 0.7:
            self._become(delivery, LdsState.USER_FINISHED, "ended")

    def _become(self, delivery: Delivery, state: LdsState, word: str) -> None:
        delivery.session = replace(delivery.session, state=state)
        session = delivery.session
        data: dict[str, object] = {"auth_id": session.auth_id, "session_id": session.id, "part": 1}
        self._post.send(f"lds.session.{word}.v1", "/lds/us-east-1", session.auth_id, data)


class DeliveryView:
    """Implements ``DeliverySystem``."""

    def __init__(self, learning: Learning, connection: Connection) -> None:
        self._learning = learning
        self._connection = connection

    async def find(self, auth_id: str) -> Sequence[LdsSession]:
        """See ``DeliverySystem``."""

        def look() -> list[LdsSession]:
            return [each.session for each in self._learning.sessions.values() if each.session.auth_id == auth_id]

        return await self._connection.ask(look)

    async def create(self, reservation: LdsReservation) -> LdsSession:
        """See ``DeliverySystem``."""
        return await self._connection.call(lambda: self._learning.create(reservation))

    async def set_devices(self, session_id: str, part: int, devices: Sequence[LdsDevice]) -> None:
        """See ``DeliverySystem``."""
        del part
        await self._connection.call(lambda: self._learning.hand_over(session_id, devices))

    async def launch_url(self, session_id: str) -> str:
        """See ``DeliverySystem``."""
        return await self._connection.ask(lambda: f"https://lds.test/{self._learning.known(session_id).session.id}")

    async def release(self, session_id: str) -> None:
        """See ``DeliverySystem``."""
        await self._connection.call(lambda: self._learning.release(session_id))

    async def refresh_content(self, form_qualified_name: str) -> str:
        """See ``DeliverySystem``."""
        return await self._connection.call(lambda: f"v1 of {form_qualified_name}")


@dataclass(slots=True)
class Work:
    """One job of the engine: what was asked, when its state changes (domain time) and whether it will fail."""

    request: GradingRequest
    job: GradingJob
    collected_at: datetime
    done_at: datetime
    fails: bool
    told: set[str] = field(default_factory=set)


class Engine:
    """The grading engine; idempotent by key."""

    def __init__(self, seed: int, clock: DomainClock, post: Post) -> None:
        self._chance = random.Random(f"{seed}/engine")
        self._clock = clock
        self._post = post
        self.jobs: dict[str, Work] = {}
        self._by_key: dict[str, str] = {}
        self._timers: list[asyncio.Task[None]] = []
        self.failing = 0.0

    def submit(self, request: GradingRequest) -> GradingJob:
        """Queue a job, or answer the one of the same key."""
        if request.idempotency_key in self._by_key:
            return self.jobs[self._by_key[request.idempotency_key]].job
        name = f"grading-{len(self.jobs) + 1:05d}"
        job = GradingJob(name, EngineState.QUEUED)
        now = self._clock.now()
        fails = self.failing > 0 and self._chance.random() < self.failing
        self.jobs[name] = Work(request, job, now, now, fails)
        self._by_key[request.idempotency_key] = name
        self._timers.append(asyncio.create_task(self._grade(self.jobs[name])))
        return job

    async def _grade(self, work: Work) -> None:
        await self._clock.sleep(self._chance.uniform(10, 200))
        if work.job.state is EngineState.CANCELED:
            return
        self._become(work, EngineState.GRADING, "collection.completed")
        await self._clock.sleep(self._chance.uniform(10, 600))
        if self.canceled(work.job.id):
            return
        if work.fails:
            work.job = replace(work.job, error="the rubric could not be applied")
            self._become(work, EngineState.FAILED, "session.failed")
            return
        report = EngineReport(80.0, 100.0, 70.0, True, (), "")
        work.job = replace(work.job, report=report)
        self._become(work, EngineState.COMPLETED, "session.completed")

    def canceled(self, job_id: str) -> bool:
        """Whether a job was given up."""
        return self.jobs[job_id].job.state is EngineState.CANCELED

    def _become(self, work: Work, state: EngineState, word: str) -> None:
        work.job = replace(work.job, state=state)
        session_id = work.request.session_id
        data: dict[str, object] = {"lablet_session_id": session_id, "grading_session_id": work.job.id}
        self._post.send(f"grading.{word}.v1", "/grading/engine", session_id, data)

    def cancel(self, job_id: str) -> None:
        """Give a job up."""
        work = self.jobs.get(job_id)
        if work is not None and work.job.state not in (EngineState.COMPLETED, EngineState.FAILED):
            work.job = replace(work.job, state=EngineState.CANCELED)


class EngineView:
    """Implements ``GradingEngine``."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection

    async def submit(self, request: GradingRequest) -> GradingJob:
        """See ``GradingEngine``."""
        return await self._connection.call(lambda: self._engine.submit(request))

    async def job(self, job_id: str) -> GradingJob:
        """See ``GradingEngine``."""

        def read() -> GradingJob:
            if job_id not in self._engine.jobs:
                raise OutsideNotFound("grading engine", f"there is no job {job_id}")
            return self._engine.jobs[job_id].job

        return await self._connection.ask(read)

    async def cancel(self, job_id: str) -> None:
        """See ``GradingEngine``."""
        await self._connection.call(lambda: self._engine.cancel(job_id))
