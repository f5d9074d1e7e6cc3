"""Violations of invariants that the last pass saw."""

from collections.abc import Mapping, Sequence

from control_plane_api.application.invariants.picture import Violation
from control_plane_api.application.invariants.standing import Standing
from control_plane_api.infrastructure.mongo.database import Collection, Database

# One document, so that a pass is kept as a whole or not at all; ``LIMIT`` bounds it.
_ID = "standing"


class MongoStanding:
    """Implements ``StandingStore``."""

    def __init__(self, database: Database) -> None:
        self._documents: Collection = database["invariants"]

    async def all(self) -> list[Standing]:
        """See ``StandingStore``."""
        document = await self._documents.find_one({"_id": _ID}) or {}
        return [
            Standing(Violation(item["invariant"], item["subject"], item["sentence"]), item["since"], item["counted"])
            for item in document.get("violations", [])
        ]

    async def replace(self, standing: Sequence[Standing]) -> None:
        """See ``StandingStore``."""
        items = [
            {
                "invariant": each.violation.invariant,
                "subject": each.violation.subject,
                "sentence": each.violation.sentence,
                "since": each.since,
                "counted": each.counted,
            }
            for each in standing
        ]
        await self._documents.update_one({"_id": _ID}, {"$set": {"violations": items}}, upsert=True)

    async def counted(self) -> Mapping[str, int]:
        """See ``StandingStore``."""
        counts: dict[str, int] = {}
        for each in await self.all():
            if each.counted:
                counts[each.violation.invariant] = counts.get(each.violation.invariant, 0) + 1
        return counts
