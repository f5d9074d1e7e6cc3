"""Which resources are reserved in a window, read without building aggregates: every reservation asks."""

from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.common import Resources, Slot
from lcm_core.domain.vocabulary import SessionPhase

LIMIT = 20_000
_LIVE = [str(phase) for phase in SessionPhase if phase is not SessionPhase.TERMINATED]


class MongoBookings:
    """Implements ``Bookings``."""

    def __init__(self, database: Database) -> None:
        self._sessions: Collection = database["sessions"]

    async def create_indexes(self) -> None:
        """By the slot's end, which bounds the window from below."""
        await ensure_index(self._sessions, [("spec.slot.end", 1)])

    async def booked(self, window: Slot) -> list[tuple[Slot, Resources]]:
        """See ``Bookings``. Times are stored as ISO text in UTC, which sorts like the instants to the second."""
        condition = {
            "spec.slot.end": {"$gte": window.start.isoformat()[:19]},
            "spec.slot.start": {"$lte": window.end.isoformat()[:19]},
            "status.phase": {"$in": _LIVE},
            "spec.as_soon_as_possible": False,
        }
        wanted = {"spec.slot": 1, "spec.requirements": 1}
        documents = await self._sessions.find(condition, wanted).limit(LIMIT).to_list()
        return [
            (
                Slot.model_validate(document["spec"]["slot"]),
                Resources.model_validate(document["spec"]["requirements"]),
            )
            for document in documents
        ]
