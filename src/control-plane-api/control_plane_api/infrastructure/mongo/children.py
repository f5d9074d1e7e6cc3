"""Children of sessions in MongoDB: their ``_id`` is the session's id, so there is one of each per session."""

from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
from pymongo.errors import DuplicateKeyError

from control_plane_api.application.ports import Resealed
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from control_plane_api.infrastructure.mongo.resealing import reseal_fields
from lcm_core.contracts.sessions import (
    DeviceAccess,
    GradingSessionView,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ScoreReportView,
    SessionSecrets,
    UserSessionView,
)
from lcm_core.security.envelope import Envelope


class MongoChildren:
    """Implements ``ChildStore``; launch URL and device access are sealed before they are stored."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._users: Collection = database["user_sessions"]
        self._gradings: Collection = database["grading_sessions"]
        self._reports: Collection = database["score_reports"]
        self._envelope = envelope

    async def create_indexes(self) -> None:
        """To find a session by the ids of the outside world."""
        await ensure_index(self._users, [("lds_session_id", 1)])
        await ensure_index(self._gradings, [("engine_id", 1)])

    async def put_user_session(self, session_id: str, body: PutUserSession, now: datetime) -> UserSessionView:
        """See ``ChildStore``."""
        changes = body.model_dump(mode="json", exclude_none=True, exclude={"launch_url", "devices"})
        if body.launch_url is not None:
            changes["launch_url_sealed"] = self._envelope.seal(body.launch_url)
        if body.devices is not None:
            plain = orjson.dumps([device.model_dump() for device in body.devices]).decode()
            changes["devices_sealed"] = self._envelope.seal(plain)
            changes["device_labels"] = [device.label for device in body.devices]
        await self._merge(self._users, session_id, changes, now)
        found = await self.user_session(session_id)
        assert found is not None
        return found

    async def user_session(self, session_id: str) -> UserSessionView | None:
        """See ``ChildStore``."""
        document = await self._users.find_one({"_id": session_id})
        if document is None:
            return None
        return UserSessionView(
            id=f"us-{session_id}",
            session_id=session_id,
            phase=document["phase"],
            lds_session_id=document.get("lds_session_id", ""),
            part_id=document.get("part_id", ""),
            region=document.get("region", ""),
            has_launch_url="launch_url_sealed" in document,
            devices=document.get("device_labels", []),
            message=document.get("message", ""),
            updated_at=document["updated_at"],
        )

    async def secrets(self, session_id: str) -> SessionSecrets | None:
        """See ``ChildStore``."""
        document = await self._users.find_one({"_id": session_id})
        if document is None:
            return None
        url, devices = document.get("launch_url_sealed"), document.get("devices_sealed")
        opened = orjson.loads(self._envelope.open(devices)) if devices else []
        return SessionSecrets(
            launch_url=self._envelope.open(url) if url else "",
            devices=[DeviceAccess.model_validate(device) for device in opened],
        )

    async def reseal(self) -> Resealed:
        """See ``ChildStore``."""
        return await reseal_fields(self._users, ("launch_url_sealed", "devices_sealed"), self._envelope)

    async def put_grading_session(self, session_id: str, body: PutGradingSession, now: datetime) -> GradingSessionView:
        """See ``ChildStore``."""
        changes = body.model_dump(mode="json", exclude_none=True)
        await self._merge(self._gradings, session_id, changes, now)
        found = await self.grading_session(session_id)
        assert found is not None
        return found

    async def grading_session(self, session_id: str) -> GradingSessionView | None:
        """See ``ChildStore``."""
        document = await self._gradings.find_one({"_id": session_id})
        if document is None:
            return None
        return GradingSessionView.model_validate({**document, "id": f"gs-{session_id}", "session_id": session_id})

    async def put_score_report(self, session_id: str, body: PutScoreReport, now: datetime) -> ScoreReportView:
        """See ``ChildStore``."""
        document = {"_id": session_id, **body.model_dump(mode="json"), "created_at": now}
        # Immutable: the first report stays, which makes repeating the call harmless.
        with suppress(DuplicateKeyError):
            await self._reports.insert_one(document)
        found = await self.score_report(session_id)
        assert found is not None
        return found

    async def score_report(self, session_id: str) -> ScoreReportView | None:
        """See ``ChildStore``."""
        document = await self._reports.find_one({"_id": session_id})
        if document is None:
            return None
        fields = {key: value for key, value in document.items() if key != "_id"}
        return ScoreReportView.model_validate({**fields, "id": f"sr-{session_id}", "session_id": session_id})

    async def session_of_external(self, external_id: str) -> str:
        """The session that owns an LDS or engine id, or an empty string."""
        for collection, field in ((self._users, "lds_session_id"), (self._gradings, "engine_id")):
            document = await collection.find_one({field: external_id}, {"_id": 1})
            if document is not None:
                return str(document["_id"])
        return ""

    @staticmethod
    async def _merge(collection: Collection, session_id: str, changes: dict[str, Any], now: datetime) -> None:
        update = {"$set": {**changes, "updated_at": now}}
        result = await collection.update_one({"_id": session_id}, update)
        if result.matched_count == 0:
            try:
                await collection.insert_one({"_id": session_id, **changes, "updated_at": now})
            except DuplicateKeyError:
                await collection.update_one({"_id": session_id}, update)
