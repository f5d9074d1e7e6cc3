"""What acting on a session works with, and the moves every action makes."""

from dataclasses import dataclass

from lablet_controller.outside import Deps
from lablet_controller.pipeline.model import StepContext
from lablet_controller.pipeline.progress import WishChanged
from lablet_controller.sessions.decide import Observed
from lablet_controller.sessions.decisions import Move
from lcm_core.clients.errors import Conflict, NotFound, StaleTerm
from lcm_core.contracts.common import ConditionReport
from lcm_core.contracts.platform import CloseTask, OpenTask
from lcm_core.contracts.sessions import LabRef, PipelineState, PutUserSession, SessionView, TransitionSession
from lcm_core.domain.vocabulary import (
    ConditionStatus,
    SessionCondition,
    TaskSeverity,
    UserSessionPhase,
)


@dataclass(frozen=True, slots=True)
class Acting:
    """One decision being carried out."""

    deps: Deps
    observed: Observed

    @property
    def session(self) -> SessionView:
        """The session as it was observed."""
        return self.observed.session

    async def step_context(self) -> StepContext:
        """What pipeline steps need; the CML of a lost worker is None."""
        worker = None if self.observed.worker_lost else self.observed.worker
        return StepContext(
            deps=self.deps,
            session=self.session,
            placement=self.observed.placement,
            worker=worker,
            target=await self.deps.workers.target(worker) if worker is not None else None,
            region=self.observed.worker.spec.region if self.observed.worker is not None else "",
            definition=await self.deps.definitions.get(self.session.spec.definition_id),
        )

    async def move(
        self,
        move: Move,
        *,
        pipeline: PipelineState | None = None,
        lab: LabRef | None = None,
        clear: bool = False,
        conditions: tuple[ConditionReport, ...] = (),
    ) -> None:
        """Go to another phase. Raises ``WishChanged`` when somebody else was faster."""
        body = TransitionSession(
            to=move.to,
            reason=move.reason,
            message=move.message[:2000] or move.reason,
            outcome=move.outcome,
            observed_generation=self.session.generation,
            consume_signals=list(move.consume),
            lab=lab,
            clear_lab=clear,
            clear_delivery=clear,
            pipeline=pipeline,
            conditions=list(conditions),
        )
        try:
            await self.deps.control_plane.transition(self.session.id, body)
        except StaleTerm:
            raise
        except Conflict as error:
            raise WishChanged from error

    async def put_delivery_phase(self, phase: UserSessionPhase, message: str = "") -> None:
        """Show how the learner's side stands, if there is one."""
        if self.session.status.user_session_id:
            body = PutUserSession(phase=phase, message=message)
            await self.deps.control_plane.put_user_session(self.session.id, body)

    async def ask_for_help(self, what: str, title: str, description: str) -> None:
        """Open an operator task about this session."""
        await self.deps.control_plane.open_task(
            OpenTask(
                dedup_key=f"session-{what}-{self.session.id}"[:80],
                title=title,
                description=description[:2000],
                severity=TaskSeverity.WARNING,
                target_kind="session",
                target_id=self.session.id,
                department=self.session.spec.department,
            )
        )

    async def help_no_longer_needed(self, what: str) -> None:
        """Close the task again."""
        body = CloseTask(dedup_key=f"session-{what}-{self.session.id}"[:80], message="It went on by itself.")
        try:
            await self.deps.control_plane.close_task(body)
        except NotFound:
            return


def condition(type_: SessionCondition | str, status: bool | None, reason: str, message: str = "") -> ConditionReport:
    """A condition; None means unknown."""
    truth = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE, None: ConditionStatus.UNKNOWN}[status]
    return ConditionReport(type=str(type_), status=truth, reason=reason, message=message[:2000])
