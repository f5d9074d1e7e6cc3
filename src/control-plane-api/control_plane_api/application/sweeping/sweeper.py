"""Completes pairs of writes of which a crash let only the first happen (ruling 7), and clears away what expired.

A claim that no session holds is released once it has been without holder for half a minute of real time: a placement
that is under way needs far less. Inbound events that were stored but not attached are attached.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pymongo.errors import PyMongoError

from control_plane_api.application.lablet_session.commands.store_inbound import attach
from control_plane_api.application.ports import ArtifactStore, ClaimStore, Deps
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.clock import Clock, SystemClock
from lcm_core.contracts.claims import ClaimView
from lcm_core.domain.vocabulary import SessionPhase

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
ORPHAN_SECONDS = 30.0
INBOUND_LIMIT = 200


def orphans(claims: Iterable[ClaimView], sessions: Mapping[str, LabletSession]) -> list[ClaimView]:
    """Claims that no living session holds."""
    return [claim for claim in claims if not _holds(sessions.get(claim.session_id), claim)]


def _holds(session: LabletSession | None, claim: ClaimView) -> bool:
    if session is None or session.phase is SessionPhase.TERMINATED:
        return False
    return session.holds_place(claim.worker_id, claim.claim_id)


class Sweeper:
    """Looks every few seconds; every step may be repeated and done by several replicas at once."""

    def __init__(self, deps: Deps, claims: ClaimStore, artifacts: ArtifactStore, clock: Clock | None = None) -> None:
        self._deps = deps
        self._claims = claims
        self._artifacts = artifacts
        self._clock = clock or SystemClock()
        self._first_seen: dict[tuple[str, str], float] = {}
        self._quota_seen: dict[tuple[str, str], float] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.sweep()
            except PyMongoError as error:
                log.warning("The sweeper waits for the database: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """One pass."""
        await self._release_orphans()
        await self._release_quotas()
        await self._attach_inbound()
        await self._artifacts.expire(datetime.now(UTC))

    async def _release_orphans(self) -> None:
        held = await self._claims.held_after(self._deps.clock.now())
        sessions = await self._deps.sessions.get_many(sorted({claim.session_id for claim in held}))
        now, present = self._clock.monotonic(), {}
        for claim in orphans(held, sessions):
            key = (claim.worker_id, claim.claim_id)
            present[key] = self._first_seen.get(key, now)
            if now - present[key] >= ORPHAN_SECONDS:
                await self._claims.release(claim.worker_id, claim.claim_id)
                log.warning("Released claim %s of session %s, which does not hold it", claim.claim_id, claim.session_id)
        self._first_seen = present

    async def _release_quotas(self) -> None:
        """Ended or never stored sessions count no more."""
        held = await self._deps.quota_usage.holders()
        if not held:
            return
        sessions = await self._deps.sessions.get_many(sorted({session_id for _, session_id in held}))
        now, present = self._clock.monotonic(), {}
        for key, session_id in held:
            session = sessions.get(session_id)
            if session is not None and session.phase is not SessionPhase.TERMINATED:
                continue
            present[(key, session_id)] = self._quota_seen.get((key, session_id), now)
            if now - present[(key, session_id)] >= ORPHAN_SECONDS:
                await self._deps.quota_usage.release(session_id, [key])
        self._quota_seen = present

    async def _attach_inbound(self) -> None:
        for event in await self._deps.inbound.unapplied(INBOUND_LIMIT):
            await attach(self._deps, event)
