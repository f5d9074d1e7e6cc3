"""What the delivery system does: reservations, the learner's moves, content."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.database import Database, Documents
from lcm_simulators.common.objects import ObjectMissingError, ObjectReader, ObjectStoreError
from lcm_simulators.common.outbox import Outbox
from lcm_simulators.common.rest import Refusal
from lcm_simulators.lds.content import (
    PACKAGE_LIMIT,
    PREFIX,
    ContentError,
    LabContent,
    LabFolder,
    bucket_of,
    newest_package,
    read_content,
    version_of,
)
from lcm_simulators.lds.model import DeliverySession, Device, LdsState, LearnerAction, Part, SessionRequest
from lcm_simulators.lds.moves import ENDED, Move, move_of, nothing_to_do

_OPEN = frozenset({LdsState.PENDING, LdsState.PRELAUNCH, LdsState.RUNNING, LdsState.PAUSED})
_STARTED = frozenset({LdsState.RUNNING, LdsState.PAUSED})


class DeliveryService:
    """All sessions of one deployment."""

    def __init__(self, database: Database, outbox: Outbox, sender: EventSender, objects: ObjectReader) -> None:
        self._database, self._outbox, self._sender, self._objects = database, outbox, sender, objects
        self._sessions = Documents(database, "session", DeliverySession)
        self._folders = Documents(database, "folder", LabFolder)
        self._contents = Documents(database, "content", LabContent)

    def create(self, request: SessionRequest) -> DeliverySession:
        """Make a session, also when there is one of this auth_id already."""
        session_id = uuid4().hex
        parts = [
            Part(
                id=f"{session_id}-{number}",
                part=number,
                form_qualified_name=part.form_qualified_name,
                variables=part.variables,
                content_version=self._version(part.form_qualified_name),
            )
            for number, part in enumerate(request.session_parts, start=1)
        ]
        state = LdsState.PENDING if parts else LdsState.EMPTY
        session = DeliverySession(id=session_id, request=request, state=state, parts=parts)
        self._put(session)
        return session

    def get(self, session_id: str) -> DeliverySession:
        """One session. Raises ``Refusal`` 404."""
        session = self._sessions.get(session_id)
        if session is None:
            raise Refusal(404, "session_not_found", f"There is no session {session_id}.")
        return session

    def find(self, auth_id: str) -> list[DeliverySession]:
        """Sessions of an auth_id, oldest first; all of them for an empty one."""
        return self._sessions.labelled(auth_id) if auth_id else self._sessions.all()

    def set_devices(self, session_id: str, number: int, devices: list[Device]) -> DeliverySession:
        """Replace the devices of a part; when every part was told, the session can be launched."""
        session = self._open(session_id)
        doubled = sorted(label for label, times in Counter(each.device_label for each in devices).items() if times > 1)
        if doubled:
            raise Refusal(400, "device_label_not_unique", f"Device labels must be unique: {', '.join(doubled)}.")
        part = next((part for part in session.parts if part.part == number), None)
        if part is None:
            raise Refusal(404, "part_not_found", f"Session {session_id} has no part {number}.")
        part.devices, part.devices_known = devices, True
        if session.state is LdsState.PENDING and all(each.devices_known for each in session.parts):
            session.state = LdsState.PRELAUNCH
        self._put(session)
        return session

    def launchable(self, session_id: str) -> DeliverySession:
        """A session that a learner may be let into. Raises ``Refusal``."""
        session = self.get(session_id)
        if session.state in (LdsState.EMPTY, LdsState.PENDING):
            raise Refusal(409, "no_devices", f"Session {session_id} has no devices yet.")
        if session.state is LdsState.ARCHIVED:
            raise Refusal(409, "session_archived", f"Session {session_id} is archived.")
        return session

    def release(self, session_id: str) -> DeliverySession:
        """Archive a session; again is no harm. No event tells of it: the caller knows."""
        session = self.get(session_id)
        if session.state is not LdsState.ARCHIVED:
            session.state = LdsState.ARCHIVED
            session.ended_at = session.ended_at or datetime.now(UTC)
            for device in session.devices:
                device.password = ""
            self._put(session)
        return session

    def press(self, session_id: str, action: LearnerAction) -> DeliverySession:
        """The learner presses a button. Raises ``Refusal`` 409 when the state does not allow it."""
        session = self.get(session_id)
        if nothing_to_do(session.state, action):
            return session
        move = move_of(session.state, action)
        if move is None:
            raise Refusal(409, "wrong_state", f"The lab is {session.state}: {action} is not possible now.")
        return self._move(session, move)

    def end(self, session_id: str, reason: str) -> DeliverySession:
        """The system ends a running session by itself, for instance because its time is over."""
        session = self.get(session_id)
        if session.state not in _STARTED:
            raise Refusal(409, "wrong_state", f"The lab is {session.state}: there is nothing to end.")
        return self._move(session, Move(LdsState.USER_FINISHED, ENDED, reason))

    def contents(self, session: DeliverySession) -> list[LabContent]:
        """What the packages of the session's parts hold for the learner, in the version each part is bound to."""
        found: list[LabContent] = []
        for part in session.parts:
            if not part.content_version:
                part.content_version = self._version(part.form_qualified_name)
                self._put(session)
            content = self._contents.get(_content_key(part.form_qualified_name, part.content_version))
            found.append(content or LabContent())
        return found

    async def refresh(self, form_qualified_name: str) -> LabFolder:
        """Read the newest package of a form. Raises ``Refusal`` 404, 422 and 502."""
        bucket, known = bucket_of(form_qualified_name), self._version(form_qualified_name)
        try:
            package = newest_package(await self._objects.list(bucket, PREFIX), known)
            if package is None:
                raise Refusal(404, "content_not_found", f"s3://{bucket}/{PREFIX} holds no package.")
            content = await asyncio.to_thread(
                read_content, await self._objects.read(bucket, package.key, PACKAGE_LIMIT)
            )
        except ObjectMissingError as error:
            raise Refusal(404, "content_not_found", f"{error}.") from error
        except ObjectStoreError as error:
            raise Refusal(502, "content_store_unavailable", f"{error}.") from error
        except ContentError as error:
            raise Refusal(422, "content_unreadable", f"{error}.") from error
        version = version_of(package.key)
        folder = LabFolder(form_qualified_name=form_qualified_name, version=version, size=package.size)
        with self._database.transaction():
            self._contents.put(_content_key(form_qualified_name, version), content)
            self._folders.put(form_qualified_name, folder)
        return folder

    def _version(self, form_qualified_name: str) -> str:
        folder = self._folders.get(form_qualified_name)
        return folder.version if folder else ""

    def _move(self, session: DeliverySession, move: Move) -> DeliverySession:
        now = datetime.now(UTC)
        session.state = move.to
        session.started_at = session.started_at or now
        session.ended_at = now if move.event == ENDED else None
        part = session.parts[0].part
        data = {"auth_id": session.auth_id, "session_id": session.id, "part": part, "reason": move.reason}
        with self._database.transaction():
            self._put(session)
            self._outbox.add(move.event, session.auth_id, data)
        self._sender.wake()
        return session

    def _open(self, session_id: str) -> DeliverySession:
        session = self.get(session_id)
        if session.state not in _OPEN:
            raise Refusal(409, "session_closed", f"Session {session_id} is {session.state}.")
        return session

    def _put(self, session: DeliverySession) -> None:
        self._sessions.put(session.id, session, session.auth_id)


def _content_key(form_qualified_name: str, version: str) -> str:
    return f"{form_qualified_name}@{version}"
