"""People: owners who reserve, change their minds, and operators who handle the fleet."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from lcm_core.clients.errors import ApiError, TransientApiError
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import ExtendSession, ReserveSession, SessionView
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from tests.simulate.history import History
from tests.simulate.world import World

DURATIONS = (30, 60, 90, 120, 240, 480)
"""Minutes of a session, from an exercise to a whole day's exam."""
WISHES = ("stop", "resume", "restart", "collect-and-grade", "observe", "cancel", "requeue", "extend")
WHILE_BUILDING = (("cancel",), ("requeue",), ("requeue", "cancel"), ("requeue", "requeue"), ("observe",), ("extend",))
"""What an operator may want of a session whose lab is being built, one thing soon after the other."""
_WAITING = frozenset({SessionPhase.PENDING, SessionPhase.TERMINATED})
_MOVING = frozenset({SessionPhase.INSTANTIATING, SessionPhase.COLLECTING, SessionPhase.GRADING, SessionPhase.STOPPING})
"""Phases in which controllers call the outside world for the session, so that a wish may come in the middle."""
ORDERS = ("drain", "cancel-drain", "stop", "start", "refresh", "terminate")


@dataclass(slots=True)
class People:
    """Everything that people do in one run.

    ``hours`` is the domain time within which slots begin; ``accepted`` maps reservations to session ids, ``booked``
    sums the hours of what was accepted.
    """

    world: World
    history: History
    definitions: Sequence[str]
    sessions: int
    hours: float
    accepted: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    booked: float = 0.0
    wishes: int = 0
    _meddling: set["asyncio.Task[None]"] = field(default_factory=set)

    async def act(self, *, restless: bool) -> None:
        """Reserve everything, and when restless change one's mind and move the fleet; returns when all is said."""
        chance = random.Random(f"{self.world.seed}/people")
        works = [self._owner(number, random.Random(chance.random()), restless) for number in range(self.sessions)]
        if restless:
            works.append(self._operator(random.Random(chance.random())))
            meddler, api = random.Random(chance.random()), self.world.client("admin:meddler").api
            self.world.meddling.act = lambda: self._meddle(api, meddler)
        await asyncio.gather(*works)

    def _meddle(self, api: ApiClient, chance: random.Random) -> None:
        """Have an operator act while a deed in the outside world is under way."""
        task = asyncio.create_task(self._strike(api, chance))
        self._meddling.add(task)
        task.add_done_callback(self._meddling.discard)

    async def _strike(self, api: ApiClient, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(0, 1.0))
        if chance.random() < 0.15:
            await self._order(api, chance)
            return
        phases = {
            session_id: session["status"]["phase"]
            for session_id, session in self.world.database.documents("sessions").items()
        }
        moving = [session_id for session_id, phase in phases.items() if phase in _MOVING]
        living = [session_id for session_id, phase in phases.items() if phase not in _WAITING]
        if living:
            session_id = chance.choice(moving or living)
            building = phases[session_id] == SessionPhase.INSTANTIATING
            for wish in chance.choice(WHILE_BUILDING) if building else (chance.choice(WISHES),):
                await self._wish(api, session_id, wish, chance)
                await asyncio.sleep(chance.uniform(0, 0.3))

    async def _owner(self, number: int, chance: random.Random, restless: bool) -> None:
        api = self.world.client(f"user:owner{number % 3}").api
        minutes = chance.choice(DURATIONS)
        begin = chance.uniform(0, self.hours)
        soon = chance.random() < 0.4
        await self.world.clock.sleep(begin * 3600 if soon else chance.uniform(0, begin) * 3600)
        session_id = await self._reserve(api, number, minutes, begin, soon, chance)
        if session_id and restless:
            for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
                await self.world.clock.sleep(chance.uniform(0, minutes * 60))
                await self._wish(api, session_id, chance.choice(WISHES), chance)

    async def _reserve(
        self, api: ApiClient, number: int, minutes: int, begin: float, soon: bool, chance: random.Random
    ) -> str:
        now = self.world.clock.now()
        start = now + timedelta(minutes=chance.uniform(5, 90))
        body = ReserveSession(
            definition_id=chance.choice(self.definitions),
            slot=None if soon else Slot(start=start, end=start + timedelta(minutes=minutes)),
            as_soon_as_possible=soon,
            duration_minutes=minutes if soon else None,
            reservation_id=f"reservation-{number}",
            priority=chance.choice((-1, 0, 0, 5)),
        )
        del begin
        for attempt in range(20):
            try:
                made = await api.call(
                    "POST",
                    "/api/lablet-sessions",
                    body=body,
                    response=SessionView,
                    idempotency_key=body.reservation_id,
                )
            except TransientApiError:
                await asyncio.sleep(0.5 * (attempt + 1))
            except ApiError as error:
                self.refused += 1
                self.history.tell(f"{body.reservation_id} is refused: {error.sentence}")
                return ""
            else:
                self.accepted[body.reservation_id] = made.id
                self.booked += minutes / 60
                return made.id
        return ""

    async def _wish(self, api: ApiClient, session_id: str, wish: str, chance: random.Random) -> None:
        body = None
        if wish == "extend":
            end = self.world.clock.now() + timedelta(minutes=chance.uniform(30, 300))
            body = ExtendSession(end=end)
        await self._try(api, f"/api/lablet-sessions/{session_id}/{wish}", f"wish {wish} of {session_id}", body)

    async def _try(self, api: ApiClient, path: str, what: str, body: ExtendSession | None = None) -> None:
        self.wishes += 1
        try:
            await api.call("POST", path, body=body)
            self.history.tell(f"{what}: accepted")
        except ApiError as error:
            self.history.tell(f"{what}: {error.code}")

    async def _operator(self, chance: random.Random) -> None:
        api = self.world.client("admin:operator").api
        for _ in range(chance.choice((0, 1, 2, 4))):
            await self.world.clock.sleep(chance.uniform(0, self.hours * 3600))
            await self._order(api, chance)

    async def _order(self, api: ApiClient, chance: random.Random) -> None:
        living = [
            worker_id
            for worker_id, worker in self.world.database.documents("workers").items()
            if worker["status"]["phase"] != WorkerPhase.TERMINATED
        ]
        if living:
            worker_id, order = chance.choice(living), chance.choice(ORDERS)
            await self._try(api, f"/api/workers/{worker_id}/{order}", f"order {order} of worker {worker_id}")


def all_over(world: World) -> bool:
    """Whether every session has ended."""
    return all(
        session["status"]["phase"] == SessionPhase.TERMINATED
        for session in world.database.documents("sessions").values()
    )
