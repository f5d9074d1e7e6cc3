"""Controllers' moves and progress reports: transition, report, unschedule."""

from dataclasses import dataclass

from control_plane_api.application.administration.limits import release_quota
from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.kernel.failpoints import failpoint
from lcm_core.contracts.common import Written
from lcm_core.contracts.sessions import ReportSession, TransitionSession, UnscheduleSession
from lcm_core.domain.vocabulary import SessionPhase


@dataclass(frozen=True, slots=True)
class TransitionSessionCommand(BaseCommand[Written]):
    """Move along the table."""

    session_id: str
    body: TransitionSession


class TransitionSessionHandler(Handler[TransitionSessionCommand, Written]):
    """Moves the session, then releases its claim when it ended."""

    async def handle_async(self, request: TransitionSessionCommand) -> Written:
        """Where the session stands now."""
        released: list[str] = []

        def mutate(session: LabletSession) -> None:
            released[:] = [session.transition(request.body, self._deps.clock.now(), self._deps.limits)]

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.body.expected_version
        )
        if released[0] and session.status.placement is not None:
            failpoint("before-release")
            await self._deps.claims.release(session.status.placement.worker_id, released[0])
        if session.phase is SessionPhase.TERMINATED:
            await release_quota(self._deps, session.key, session.spec.owner, session.spec.department)
        return written(session, session.phase)


@dataclass(frozen=True, slots=True)
class ReportSessionCommand(BaseCommand[Written]):
    """Progress without a move."""

    session_id: str
    body: ReportSession


class ReportSessionHandler(Handler[ReportSessionCommand, Written]):
    """Stores checkpoints, conditions and the lab."""

    async def handle_async(self, request: ReportSessionCommand) -> Written:
        """Where the session stands now."""

        def mutate(session: LabletSession) -> None:
            session.report(request.body, self._deps.clock.now())

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.body.expected_version
        )
        return written(session, session.phase)


@dataclass(frozen=True, slots=True)
class UnscheduleSessionCommand(BaseCommand[Written]):
    """Back to the queue."""

    session_id: str
    body: UnscheduleSession


class UnscheduleSessionHandler(Handler[UnscheduleSessionCommand, Written]):
    """Takes the place away and releases the claim."""

    async def handle_async(self, request: UnscheduleSessionCommand) -> Written:
        """Where the session stands now."""
        held: list[tuple[str, str]] = []

        def mutate(session: LabletSession) -> None:
            worker_id = session.status.placement.worker_id if session.status.placement else ""
            claim = session.unschedule(request.body, self._deps.clock.now(), self._deps.limits)
            held[:] = [(worker_id, claim)]

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.body.expected_version
        )
        worker_id, claim = held[0]
        if claim:
            await self._deps.claims.release(worker_id, claim)
        return written(session, session.phase)
