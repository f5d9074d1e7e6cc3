"""People who use the platform while it suffers: reserve, look, extend, cancel, pause; and learners who work."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx

from lcm_core.clients.errors import ApiError, TransientApiError
from lcm_core.clients.http import ApiClient
from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import EndSession, ExtendSession, ReserveSession, SessionView
from lcm_core.domain.vocabulary import SessionPhase
from tests.chaos.history import Answer, History

P = SessionPhase
PEOPLE = 4
MOST_SESSIONS = 30
SHORTEST, LONGEST = 5, 14
"""Minutes of the domain that a session lasts."""


class Users:
    """A handful of people, each with dice of their own, so that a seed always wishes for the same."""

    def __init__(
        self, api: ApiClient, lds_url: str, clock: DomainClock, labs: list[str], history: History, seed: int
    ) -> None:
        self._api = api
        self._lds_url = lds_url
        self._clock = clock
        self._labs = labs
        self._history = history
        self._seed = seed
        self.sessions: dict[str, SessionView] = {}
        self._count = 0

    async def act(self) -> None:
        """Use the platform until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(PEOPLE):
                group.create_task(self._person(random.Random(f"person/{self._seed}/{number}")))
            group.create_task(self._learners(random.Random(f"learners/{self._seed}")))

    async def _person(self, dice: random.Random) -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.2, 1.0))
            open_sessions = [key for key, seen in self.sessions.items() if seen.status.phase is not P.TERMINATED]
            wish = dice.random()
            if not open_sessions or (wish < 0.35 and len(open_sessions) < MOST_SESSIONS):
                await self._reserve(dice)
                continue
            chosen = dice.choice(open_sessions)
            if wish < 0.7:
                await self._look(chosen)
            elif wish < 0.78:
                await self._change("cancel", chosen, EndSession(reason="changed my mind"))
            elif wish < 0.88:
                booked = self.sessions[chosen].status.placement
                slot = booked.booked if booked else self.sessions[chosen].spec.slot
                await self._change(
                    "extend", chosen, ExtendSession(end=slot.end + timedelta(minutes=dice.randint(1, 3)))
                )
            else:
                await self._change(dice.choice(["stop", "resume", "restart", "collect-and-grade", "requeue"]), chosen)

    async def _reserve(self, dice: random.Random) -> None:
        self._count += 1
        note = f"chaos {self._seed}/{self._count}"
        minutes, lab = dice.randint(SHORTEST, LONGEST), dice.choice(self._labs)
        if dice.random() < 0.6:
            latest = self._clock.now() + timedelta(minutes=minutes + 30)
            body = ReserveSession(
                definition_id=lab,
                as_soon_as_possible=True,
                duration_minutes=minutes,
                latest_end=latest,
                priority=dice.randint(-2, 2),
                note=note,
            )
        else:
            start = self._clock.now() + timedelta(minutes=dice.randint(1, 10))
            body = ReserveSession(
                definition_id=lab, slot=Slot(start=start, end=start + timedelta(minutes=minutes)), note=note
            )

        async def call() -> SessionView:
            return await self._api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)

        await self._record("reserve", note, call)

    async def _look(self, session_id: str) -> None:
        async def call() -> SessionView:
            return await self._api.call("GET", f"/api/lablet-sessions/{session_id}", response=SessionView)

        await self._record("look", session_id, call)

    async def _change(self, wish: str, session_id: str, body: EndSession | ExtendSession | None = None) -> None:
        async def call() -> SessionView:
            path = f"/api/lablet-sessions/{session_id}/{wish}"
            return await self._api.call("POST", path, body=body, response=SessionView)

        detail = body.end.isoformat() if isinstance(body, ExtendSession) else ""
        await self._record(wish, session_id, call, detail)

    async def _record(self, kind: str, key: str, call: Callable[[], Awaitable[SessionView]], detail: str = "") -> None:
        begun = self._history.now
        try:
            seen = await call()
        except asyncio.CancelledError:
            self._history.add(begun, kind, key, Answer.UNKNOWN, "the run ended")
            raise
        except TransientApiError as error:
            self._history.add(begun, kind, key, Answer.UNKNOWN, error.sentence)
        except ApiError as error:
            self._history.add(begun, kind, key, Answer.REFUSED, f"{error.code}: {error.sentence}")
        else:
            self._history.add(begun, kind, key, Answer.OK, detail or f"{seen.id} {seen.status.phase} v{seen.version}")
            known = self.sessions.get(seen.id)
            if known is None or seen.version > known.version:
                self.sessions[seen.id] = seen

    async def _learners(self, dice: random.Random) -> None:
        """Everybody who has a lab starts it soon, and hands it in or pauses after a while."""
        async with httpx.AsyncClient(base_url=self._lds_url, trust_env=False, timeout=5) as lds:
            while True:
                await asyncio.sleep(0.5)
                try:
                    found = (await lds.get("/admin/sessions")).raise_for_status().json()["items"]
                    for session in found:
                        await self._press(lds, dice, session["id"], session["state"])
                except httpx.HTTPError:
                    continue

    async def _press(self, lds: httpx.AsyncClient, dice: random.Random, delivery: str, state: str) -> None:
        luck = dice.random()
        if state in ("PRELAUNCH", "PAUSED") and luck < 0.4:
            button = "start"
        elif state == "RUNNING" and luck < 0.15:
            button = "finish"
        elif state == "RUNNING" and luck < 0.2:
            button = "pause"
        else:
            return
        begun = self._history.now
        answer = await lds.post(f"/admin/sessions/{delivery}/{button}")
        said = Answer.OK if answer.is_success else Answer.REFUSED
        self._history.add(begun, f"learner {button}", delivery, said)


async def end_all(api: ApiClient, sessions: list[str]) -> None:
    """Everybody goes home: end what has not ended. Sessions that ended meanwhile are fine."""
    for session_id in sessions:
        body = EndSession(reason="the run is over")
        try:
            await api.call("POST", f"/api/lablet-sessions/{session_id}/cancel", body=body, response=SessionView)
        except TransientApiError:
            raise
        except ApiError:
            continue
