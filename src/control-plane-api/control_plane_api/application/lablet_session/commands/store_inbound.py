"""Make inbound CloudEvents durable and attach them to their sessions as signals."""

from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.ports import Deps
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.kernel.failpoints import failpoint
from lcm_core.contracts.sessions import (
    InboundEvent,
    InboundEventBatch,
    InboundEventBatchResult,
    InboundEventResult,
)
from lcm_core.domain.vocabulary import SignalType, UserSessionPhase

_OF_DELIVERY = frozenset({SignalType.LDS_STARTED, SignalType.LDS_PAUSED, SignalType.LDS_ENDED})


@dataclass(frozen=True, slots=True)
class StoreInboundCommand(BaseCommand[InboundEventBatchResult]):
    """Store."""

    batch: InboundEventBatch


class StoreInboundHandler(Handler[StoreInboundCommand, InboundEventBatchResult]):
    """One insert for the batch; attaching may fail and is repeated by the sweeper."""

    async def handle_async(self, request: StoreInboundCommand) -> InboundEventBatchResult:
        """One result per event."""
        events = request.batch.items
        fresh = await self._deps.inbound.insert(events, self._deps.clock.now())
        failpoint("after-inbound")
        results = []
        for event, new in zip(events, fresh, strict=True):
            if not new:
                results.append(InboundEventResult(id=event.id, result="duplicate"))
                continue
            attached = await attach(self._deps, event)
            results.append(InboundEventResult(id=event.id, result="stored" if attached else "ignored"))
        return InboundEventBatchResult(items=results)


async def _of_another_delivery(deps: Deps, event: InboundEvent, session_id: str) -> bool:
    """Whether the event tells of a delivery session that ours had before, for example of its release in a retry."""
    if not event.external_id or event.signal not in _OF_DELIVERY:
        return False
    child = await deps.children.user_session(session_id)
    if child is None or not child.lds_session_id:
        return False
    same = child.lds_session_id == event.external_id
    return same if child.phase is UserSessionPhase.PROVISIONING else not same


async def attach(deps: Deps, event: InboundEvent) -> bool:
    """Hand an event to its session; False when its type or session is unknown, or the session over or ahead of it.

    It stays on record either way.
    """
    session_id = event.session_id or event.subject
    known = await deps.sessions.find(session_id) if session_id else None
    if known is None and event.external_id:
        session_id = await deps.inbound.session_of_external(event.external_id)
        known = await deps.sessions.find(session_id) if session_id else None
    attached = False
    if known is not None and event.signal is not None and not await _of_another_delivery(deps, event, session_id):
        kind, now = event.signal, deps.clock.now()

        def mutate(session: LabletSession) -> None:
            nonlocal attached
            attached = session.signal(f"{event.source}#{event.id}", kind, now)

        await deps.sessions.update(session_id, mutate)
    await deps.inbound.mark_applied(event, attached)
    return attached


async def attach_early(deps: Deps, external_id: str) -> None:
    """Hand over the events that named an LDS or engine id before its session was known to have it."""
    if external_id:
        for event in await deps.inbound.early(external_id):
            await attach(deps, event)
