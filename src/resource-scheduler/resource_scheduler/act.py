"""Acting: the writes that a plan asks for.

The control plane validates each of them; a refusal means that the picture was old.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import Conflict, NotFound, PreconditionFailed, StaleTerm
from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Slot, Written
from lcm_core.contracts.sessions import (
    ExplainSession,
    Explanation,
    ExplanationBatch,
    PlacementBatch,
    PlacementResult,
    PlaceSession,
    Rejection,
    TransitionSession,
    UnscheduleSession,
)
from lcm_core.contracts.workers import ScaleUpBatch, ScaleUpNeed, SetWorkerDesired
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_core.placement import Refused
from lcm_core.placement.amounts import resources_of
from lcm_core.placement.instants import instant
from resource_scheduler.decide.plan import LaunchOrder, Placement, Plan, Waiting, WorkerOrder
from resource_scheduler.observe import Observer

log = logging.getLogger(__name__)
PLACEMENTS_PER_CALL = 250
CALLS_AT_ONCE = 2
EXPLANATIONS_PER_CALL = 500
LAUNCHES_PER_CALL = 50
_Told = tuple[str, str, int | None, tuple[tuple[str, str], ...], int]


@dataclass(slots=True)
class Acted:
    """What came of a plan: refusals in one sentence each, and whether workers were started."""

    placed: int = 0
    stopped: int = 0
    refused: list[str] = field(default_factory=list)
    scaled_up: bool = False


class Actor:
    """Carries plans out."""

    def __init__(self, control_plane: ControlPlaneClient, observer: Observer, clock: DomainClock) -> None:
        self._control_plane = control_plane
        self._observer = observer
        self._clock = clock
        self._told: dict[str, _Told] = {}

    async def act(self, plan: Plan) -> Acted:
        """All writes of a plan. Raises ``ApiError`` where going on makes no sense; places held are then given back."""
        acted = Acted()
        pending = {placement.claim_id: placement for placement in plan.placements}
        try:
            await self._return(plan, acted)
            await self._place(plan.placements, pending, acted)
            acted.scaled_up = await self._order(plan.wakes, acted) > 0
            await self._launch(plan.launches, acted)
            await self._explain(plan.waiting)
            acted.stopped = await self._order(plan.stops, acted)
        finally:
            for placement in pending.values():
                self._observer.fleet.release(placement.placed.facts.worker_id, placement.claim_id)
            for worker_id, claim_id in plan.kept:
                self._observer.fleet.release(worker_id, claim_id)
        return acted

    async def _return(self, plan: Plan, acted: Acted) -> None:
        for order in plan.returns:
            body = UnscheduleSession(reason=order.reason, message=order.message)
            await self._move(self._control_plane.unschedule(order.session_id, body), order.session_id, acted)
        for expired in plan.expired:
            move = TransitionSession(
                to=SessionPhase.TERMINATED,
                reason=expired.reason,
                message=expired.message,
                outcome=SessionOutcome.EXPIRED,
            )
            await self._move(self._control_plane.transition(expired.session_id, move), expired.session_id, acted)

    async def _move(self, write: Awaitable[Written], session_id: str, acted: Acted) -> None:
        """A session that moved meanwhile is no failure of the pass; either way it is read again."""
        try:
            await write
        except StaleTerm:
            raise
        except (Conflict, PreconditionFailed, NotFound) as error:
            acted.refused.append(error.sentence)
        await self._observer.sessions.read(session_id)

    async def _place(self, placements: Sequence[Placement], pending: dict[str, Placement], acted: Acted) -> None:
        gate = asyncio.Semaphore(CALLS_AT_ONCE)

        async def call(group: Sequence[Placement]) -> None:
            async with gate:
                batch = PlacementBatch(items=[self._wire(placement) for placement in group])
                result = await self._control_plane.place(batch)
            for placement, item in zip(group, result.items, strict=True):
                await self._settle(placement, item, pending, acted)

        results = await asyncio.gather(*(call(group) for group in _by_worker(placements)), return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure

    async def _settle(
        self, placement: Placement, result: PlacementResult, pending: dict[str, Placement], acted: Acted
    ) -> None:
        if result.status == 200 and result.version is not None:
            pending.pop(placement.claim_id, None)
            acted.placed += 1
            self._observer.sessions.moved(result.session_id, SessionPhase.SCHEDULED, result.version)
            if result.claim is not None:
                self._observer.claims.accept(result.claim, self._observer.fleet)
            self._told.pop(result.session_id, None)
            return
        acted.refused.append(result.detail or result.code)
        await self._observer.sessions.read(result.session_id)

    def _wire(self, placement: Placement) -> PlaceSession:
        placed = placement.placed
        known = self._observer.sessions.known[placed.demand.session_id]
        return PlaceSession(
            session_id=placed.demand.session_id,
            expected_version=known.version,
            worker_id=placed.facts.worker_id,
            claim_id=placement.claim_id,
            booked=Slot(start=instant(placed.start), end=instant(placed.end)),
            claim_from=instant(placed.held_from),
            claim_until=instant(placed.held_until),
            resources=resources_of(placed.demand.wanted),
            ports=placed.ports,
            explanation=Explanation(
                at=self._clock.now(),
                reason=placement.reason,
                message=placement.message,
                chosen_worker_id=placed.facts.worker_id,
                scores=placed.scores,
                rejections=_rejections(placed.refused),
                rejected_total=placed.refused_total,
                expected_start=instant(placed.start),
            ),
        )

    async def _order(self, orders: Sequence[WorkerOrder], acted: Acted) -> int:
        """Change what is wanted of workers; answers how many orders were accepted."""
        accepted = 0
        for order in orders:
            body = SetWorkerDesired(desired=order.desired, reason=order.reason, message=order.message)
            try:
                await self._control_plane.set_worker_desired(order.worker_id, body)
                accepted += 1
                await self._observer.workers.reread(order.worker_id)
            except StaleTerm:
                raise
            except (Conflict, PreconditionFailed, NotFound) as error:
                acted.refused.append(error.sentence)
        return accepted

    async def _launch(self, launches: Sequence[LaunchOrder], acted: Acted) -> None:
        """Create the workers, unless the control plane knows of workers that the decision did not."""
        if not launches:
            return
        before = set(self._observer.workers.views)
        await self._observer.workers.read_everything()
        unknown = set(self._observer.workers.views) - before
        if unknown:
            acted.refused.append(f"{len(unknown)} workers were created meanwhile; the launch is decided again")
            return
        for first in range(0, len(launches), LAUNCHES_PER_CALL):
            needs = [_need(order) for order in launches[first : first + LAUNCHES_PER_CALL]]
            result = await self._control_plane.scale_up(ScaleUpBatch(items=needs))
            for need, item in zip(needs, result.items, strict=True):
                if item.status >= 400:
                    acted.refused.append(item.detail or item.code)
                    continue
                acted.scaled_up = True
                log.info("%s is worker %s: %s", need.need_id, item.id, need.message)

    async def _explain(self, waiting: Sequence[Waiting]) -> None:
        """Tell only what changed, so that a long queue costs nothing while nothing happens."""
        here = {entry.demand.session_id for entry in waiting}
        for gone in self._told.keys() - here:
            del self._told[gone]
        news = [entry for entry in waiting if self._told.get(entry.demand.session_id) != _told(entry)]
        for first in range(0, len(news), EXPLANATIONS_PER_CALL):
            part = news[first : first + EXPLANATIONS_PER_CALL]
            items = [
                ExplainSession(session_id=entry.demand.session_id, explanation=self._explanation(entry))
                for entry in part
            ]
            result = await self._control_plane.explain(ExplanationBatch(items=items))
            for entry, item in zip(part, result.items, strict=True):
                if item.status < 400:
                    self._told[entry.demand.session_id] = _told(entry)
                if item.version is not None:
                    self._observer.sessions.moved(item.id, SessionPhase.PENDING, item.version)

    def _explanation(self, entry: Waiting) -> Explanation:
        return Explanation(
            at=self._clock.now(),
            reason=entry.reason,
            message=entry.message,
            rejections=_rejections(entry.refused),
            rejected_total=entry.refused_total,
            expected_start=None if entry.expected_start is None else instant(entry.expected_start),
        )


def _told(entry: Waiting) -> _Told:
    """What makes an explanation new; numbers inside the workers' sentences alone do not."""
    refused = tuple((each.worker_id, each.filter) for each in entry.refused)
    return entry.reason, entry.message, entry.expected_start, refused, entry.refused_total


def _rejections(refused: Iterable[Refused]) -> list[Rejection]:
    return [
        Rejection(worker_id=each.worker_id, worker_name=each.worker_name, filter=each.filter, message=each.message)
        for each in refused
    ]


def _need(order: LaunchOrder) -> ScaleUpNeed:
    return ScaleUpNeed(
        need_id=order.need_id,
        template_id=order.template_id,
        region=order.region,
        reason=order.reason,
        message=order.message,
        session_ids=list(order.session_ids),
    )


def _by_worker(placements: Sequence[Placement]) -> list[list[Placement]]:
    """Calls of bounded size in which each worker appears only once, so that no two calls fight for its claim days."""
    workers: dict[str, list[Placement]] = defaultdict(list)
    for placement in placements:
        workers[placement.placed.facts.worker_id].append(placement)
    calls: list[list[Placement]] = [[]]
    for group in workers.values():
        for first in range(0, len(group), PLACEMENTS_PER_CALL):
            part = group[first : first + PLACEMENTS_PER_CALL]
            if len(calls[-1]) + len(part) > PLACEMENTS_PER_CALL:
                calls.append([])
            calls[-1].extend(part)
    return [call for call in calls if call]
