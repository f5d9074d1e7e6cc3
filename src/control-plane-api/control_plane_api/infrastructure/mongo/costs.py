"""What sessions cost, read without building aggregates: a sum may be over tens of thousands."""

from datetime import datetime, timedelta
from typing import Any

from control_plane_api.domain.lablet_session.cost_sums import SessionCost
from control_plane_api.infrastructure.mongo.database import Collection, Database, Document
from lcm_core.contracts.common import Resources, Slot
from lcm_core.domain.vocabulary import SessionPhase

BATCH = 200
"""Documents between two pauses, so that other requests are answered meanwhile."""
_WANTED = {
    "spec.owner": 1,
    "spec.department": 1,
    "spec.slot": 1,
    "spec.duration_minutes": 1,
    "spec.requirements": 1,
    "status.phase": 1,
    "status.phase_since": 1,
    "status.cost_usd": 1,
    "status.placement.booked": 1,
    "status.placement.hourly_cost_usd": 1,
}


class MongoCosts:
    """Implements ``CostSource``; the index of the bookings serves it too."""

    def __init__(self, database: Database) -> None:
        self._sessions: Collection = database["sessions"]

    async def sessions(self, window: Slot, owner: str | None, department: str, limit: int) -> list[SessionCost]:
        """See ``CostSource``. Times are stored as ISO text in UTC; ``~`` sorts behind every fraction of a second."""
        condition: dict[str, Any] = {
            "spec.slot.end": {"$gte": window.start.isoformat()[:19]},
            "spec.slot.start": {"$lte": window.end.isoformat()[:19] + "~"},
        }
        if owner is not None and department:
            condition["$or"] = [{"spec.owner": owner}, {"spec.department": department}]
        elif owner is not None:
            condition["spec.owner"] = owner
        found: list[SessionCost] = []
        async for document in self._sessions.find(condition, _WANTED).batch_size(BATCH).limit(limit):
            session = _session_cost(document)
            if session.slot.start < window.end and session.slot.end > window.start:
                found.append(session)
        return found


def _session_cost(document: Document) -> SessionCost:
    spec, status = document["spec"], document["status"]
    placement = status.get("placement")
    return SessionCost(
        owner=spec["owner"],
        department=spec.get("department", ""),
        phase=SessionPhase(status["phase"]),
        since=datetime.fromisoformat(status["phase_since"]),
        slot=Slot.model_validate(placement["booked"] if placement else spec["slot"]),
        duration=timedelta(minutes=spec["duration_minutes"]),
        wanted=Resources.model_validate(spec["requirements"]),
        booked_usd=status.get("cost_usd", 0.0),
        hourly_usd=placement.get("hourly_cost_usd", 0.0) if placement else None,
    )
