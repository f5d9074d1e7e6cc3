"""Place many sessions at once: claims first, per worker, then the sessions."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.claim_limits import limits_of
from control_plane_api.application.errors import ApplicationError, PreconditionError
from control_plane_api.domain.lablet_session.cost import hourly_share
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.kernel.failpoints import failpoint
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.sessions import (
    PlacementBatch,
    PlacementBatchResult,
    PlacementResult,
    PlaceSession,
)
from lcm_core.domain import SESSION_STATES, WORKER_PHASES_PLACEABLE
from lcm_core.domain.vocabulary import SessionDesired, SessionPhase, WorkerDesired

WRITES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class PlaceSessionsCommand(BaseCommand[PlacementBatchResult]):
    """Place."""

    batch: PlacementBatch


class PlaceSessionsHandler(Handler[PlaceSessionsCommand, PlacementBatchResult]):
    """Validates each item against the claims; refused items change nothing."""

    async def handle_async(self, request: PlaceSessionsCommand) -> PlacementBatchResult:
        """One result per item in the order asked."""
        items = request.batch.items
        workers = await self._deps.workers.get_many(sorted({item.worker_id for item in items}))
        sessions = await self._deps.sessions.get_many([item.session_id for item in items])
        results: dict[str, PlacementResult] = {}
        by_worker: dict[str, list[PlaceSession]] = defaultdict(list)
        for item in items:
            refused = _refuse_early(item, sessions.get(item.session_id), workers.get(item.worker_id))
            if refused is None:
                by_worker[item.worker_id].append(item)
            else:
                results[item.session_id] = refused
        gate = asyncio.Semaphore(WRITES_AT_ONCE)
        await asyncio.gather(
            *(self._place_on(workers[worker_id], group, results, gate) for worker_id, group in by_worker.items())
        )
        return PlacementBatchResult(items=[results[item.session_id] for item in items])

    async def _place_on(
        self, worker: Worker, items: list[PlaceSession], results: dict[str, PlacementResult], gate: asyncio.Semaphore
    ) -> None:
        claims = [_claim(item) for item in items]
        async with gate:
            refusals = await self._deps.claims.acquire(worker.key, limits_of(worker), claims)
        failpoint("after-claim")
        granted = []
        for item, claim, refusal in zip(items, claims, refusals, strict=True):
            if refusal is None:
                granted.append((item, claim))
            else:
                results[item.session_id] = PlacementResult(
                    session_id=item.session_id, status=409, code=refusal.code, detail=refusal.message
                )
        await asyncio.gather(*(self._take_place(worker, item, claim, results, gate) for item, claim in granted))

    async def _take_place(
        self,
        worker: Worker,
        item: PlaceSession,
        claim: ClaimView,
        results: dict[str, PlacementResult],
        gate: asyncio.Semaphore,
    ) -> None:
        def mutate(session: LabletSession) -> None:
            if session.holds_place(worker.key, item.claim_id):
                return
            spec = worker.spec
            share = hourly_share(item.resources, spec.declared_capacity, spec.hourly_cost_usd)
            session.place(item, spec.name, self._deps.clock.now(), self._deps.limits, share)

        async with gate:
            try:
                session = await self._deps.sessions.update(
                    item.session_id, mutate, expected_version=item.expected_version
                )
            except (ApplicationError, ValueError) as refusal:
                results[item.session_id] = await self._give_up(worker, item, claim, refusal)
                return
        results[item.session_id] = PlacementResult(
            session_id=item.session_id, status=200, version=session.version, claim=claim
        )

    async def _give_up(
        self, worker: Worker, item: PlaceSession, claim: ClaimView, refusal: Exception
    ) -> PlacementResult:
        """Release the claim, unless a repetition of this very request placed the session meanwhile."""
        session = await self._deps.sessions.find(item.session_id)
        if session is not None and session.holds_place(worker.key, item.claim_id):
            return PlacementResult(session_id=item.session_id, status=200, version=session.version, claim=claim)
        await self._deps.claims.release(worker.key, item.claim_id)
        return _refused(item.session_id, refusal)


def _claim(item: PlaceSession) -> ClaimView:
    return ClaimView(
        claim_id=item.claim_id,
        worker_id=item.worker_id,
        session_id=item.session_id,
        resources=item.resources,
        ports=item.ports,
        start=item.claim_from,
        end=item.claim_until,
    )


def _refused(session_id: str, refusal: Exception) -> PlacementResult:
    status = refusal.status if isinstance(refusal, ApplicationError) else 409
    code = getattr(refusal, "code", "IllegalTransition")
    return PlacementResult(session_id=session_id, status=status, code=code, detail=str(refusal))


def _refuse_early(item: PlaceSession, session: LabletSession | None, worker: Worker | None) -> PlacementResult | None:
    if session is None or worker is None:
        missing = "session" if session is None else "worker"
        return PlacementResult(
            session_id=item.session_id, status=404, code="NotFound", detail=f"The {missing} is not known."
        )
    if session.holds_place(item.worker_id, item.claim_id):
        return PlacementResult(session_id=item.session_id, status=200, version=session.version, claim=_claim(item))
    if not SESSION_STATES.allows(session.phase, SessionPhase.SCHEDULED) or (
        session.spec.desired is SessionDesired.ENDED
    ):
        return PlacementResult(
            session_id=item.session_id,
            status=409,
            code="IllegalTransition",
            detail=f"The session is {session.phase} and cannot be placed.",
        )
    if session.version != item.expected_version:
        stale = PreconditionError("lablet session", session.key, item.expected_version, session.version)
        return _refused(item.session_id, stale)
    if (
        worker.phase not in WORKER_PHASES_PLACEABLE
        or worker.spec.drain
        or worker.spec.desired is WorkerDesired.TERMINATED
    ):
        return PlacementResult(
            session_id=item.session_id,
            status=409,
            code="WorkerNotPlaceable",
            detail=f"Worker {worker.spec.name} is {worker.phase} and takes no sessions.",
        )
    return None
