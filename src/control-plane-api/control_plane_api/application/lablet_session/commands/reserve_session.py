"""Reserve a lab for a slot, or as soon as possible."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane_api.application.administration.limits import hold_quota
from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.capacity.limits import refuse_beyond_fleet_limit
from control_plane_api.application.errors import ConflictError, InvalidError
from control_plane_api.domain.definition.definition import LabletDefinition
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.kernel.identifiers import made_before, new_id
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import ReserveSession, SessionSpec, SessionView
from lcm_core.domain.vocabulary import DefinitionPhase

PAST_TOLERANCE = timedelta(minutes=1)
"""A slot may start this much in the past, so that "now" from a browser with a slow clock is accepted."""


@dataclass(frozen=True, slots=True)
class ReserveSessionCommand(BaseCommand[SessionView]):
    """Reserve."""

    request: ReserveSession


class ReserveSessionHandler(Handler[ReserveSessionCommand, SessionView]):
    """Checks definition, slot and owner; the scheduler does the rest."""

    async def handle_async(self, request: ReserveSessionCommand) -> SessionView:
        """Create the session. Raises for an unknown definition, a bad slot or a foreign owner."""
        body, principal = request.request, request.principal
        owner, department = self._owner(principal, body.owner)
        require(principal, Action.SESSION_RESERVE, owner=owner, department=department)
        definition = await self._deps.definitions.find(body.definition_id)
        if definition is None:
            raise InvalidError.field(
                "UnknownDefinition", "definition_id", f"there is no definition {body.definition_id}"
            )
        if definition.phase is not DefinitionPhase.ACTIVE:
            raise ConflictError(
                "DefinitionNotActive",
                f"Definition {definition.key} is {definition.phase}; only an active one can be reserved.",
                {"current_state": definition.phase},
            )
        now = self._deps.clock.now()
        slot, minutes = _window(body, definition, now, self._deps.limits.queue_minutes)
        spec = _spec(body, definition, owner, department, slot, minutes)
        session = LabletSession.reserve(new_id(), spec, principal.actor, now, self._deps.limits)
        if made_before():
            # Before the limits: what the lost attempt made is among what they count.
            known = await self._deps.sessions.find(session.key)
            if known is not None:
                return known.view(SessionView)
        await refuse_beyond_fleet_limit(self._deps, definition, spec)
        await hold_quota(self._deps, session.key, owner, department)
        if not await self._deps.sessions.add(session):
            session = await self._deps.sessions.get(session.key)
        return session.view(SessionView)

    @staticmethod
    def _owner(principal: Principal, wanted: str) -> tuple[str, str]:
        owner = wanted or principal.username
        if owner != principal.username and scope_of(principal, Action.SESSION_RESERVE) < Scope.DEPARTMENT:
            return owner, ""
        return owner, principal.department


def _window(
    body: ReserveSession, definition: LabletDefinition, now: datetime, queue_minutes: float
) -> tuple[Slot, int]:
    longest = definition.spec.max_duration_minutes
    if body.slot is not None:
        minutes = int((body.slot.end - body.slot.start).total_seconds() // 60)
        if body.slot.start < now - PAST_TOLERANCE:
            raise InvalidError.field(
                "SlotInPast", "slot.start", f"the slot starts at {body.slot.start.isoformat()}, which is in the past"
            )
        slot = body.slot
    else:
        minutes = body.duration_minutes or longest
        latest = body.latest_end or now + timedelta(minutes=queue_minutes + minutes)
        if latest < now + timedelta(minutes=minutes):
            raise InvalidError.field(
                "WindowTooShort", "latest_end", f"{minutes} minutes do not fit before {latest.isoformat()}"
            )
        slot = Slot(start=now, end=latest)
    if not 1 <= minutes <= longest:
        raise InvalidError.field(
            "BadDuration", "slot", f"the session lasts {minutes} minutes; the definition allows 1 to {longest}"
        )
    return slot, minutes


def _spec(
    body: ReserveSession, definition: LabletDefinition, owner: str, department: str, slot: Slot, minutes: int
) -> SessionSpec:
    wanted = definition.spec
    return SessionSpec(
        definition_id=definition.key,
        definition_name=wanted.name,
        definition_version=wanted.semantic_version,
        definition_title=wanted.title,
        graded=wanted.graded,
        owner=owner,
        department=department,
        reservation_id=body.reservation_id,
        priority=body.priority,
        slot=slot,
        as_soon_as_possible=body.as_soon_as_possible,
        duration_minutes=minutes,
        boot_lead_minutes=wanted.boot_lead_minutes,
        cleanup_minutes=wanted.cleanup_minutes,
        hold_failed_minutes=wanted.hold_failed_minutes,
        no_show_minutes=wanted.no_show_minutes,
        requirements=definition.status.requirements,
        note=body.note,
    )
