"""Building a lab, and giving back what was built when that fails."""

from lablet_controller.pipeline.instantiate import INSTANTIATE
from lablet_controller.pipeline.progress import Progress, WishChanged, fresh_state
from lablet_controller.pipeline.runner import PipelineRunner
from lablet_controller.sessions.context import Acting, condition
from lablet_controller.sessions.decisions import Compensate, Move
from lcm_core.clients.errors import Conflict, PreconditionFailed, StaleTerm
from lcm_core.contracts.sessions import PipelineState, ReportSession, UnscheduleSession
from lcm_core.controller import Outcome
from lcm_core.domain.vocabulary import SessionCondition, SessionOutcome, SessionPhase, UserSessionPhase


def _runner(acting: Acting) -> PipelineRunner:
    settings = acting.deps.settings
    return PipelineRunner(
        INSTANTIATE,
        attempts=settings.step_attempts,
        first_pause=settings.step_pause_seconds,
        longest_pause=settings.step_longest_pause_seconds,
    )


def first_state(acting: Acting) -> PipelineState:
    """The pipeline of a new placement."""
    return fresh_state(INSTANTIATE, acting.session.status.placements_tried)


def _progress(acting: Acting) -> Progress:
    state = acting.session.status.pipeline
    if state is None or state.name != INSTANTIATE.name:
        state = first_state(acting)
    return Progress(acting.session, state, acting.deps.control_plane, acting.deps.clock)


async def build(acting: Acting) -> Outcome | None:
    """Run the pipeline on, up to READY."""
    progress = _progress(acting)
    waits = await _runner(acting).run(await acting.step_context(), progress)
    if waits is not None:
        return Outcome.requeue_after(waits.after, "Building", waits.message)
    delivered = acting.deps.outside.delivery is not None
    move = Move(SessionPhase.READY, "LabReady", "The lab is ready for the learner.")
    conditions = [condition(SessionCondition.LAB_READY, True, "AllNodesRun")]
    word = "Delivered" if delivered else "NoDeliverySystem"
    conditions.append(condition(SessionCondition.DELIVERED, delivered, word))
    await acting.move(move, pipeline=progress.state, lab=progress.lab, conditions=tuple(conditions))
    return None


async def compensate(acting: Acting, decision: Compensate) -> Outcome | None:
    """Undo everything, then queue again or end as failed; the reason stays."""
    progress = _progress(acting)
    await _runner(acting).undo(await acting.step_context(), progress)
    if not decision.again:
        move = Move(SessionPhase.STOPPING, decision.reason, decision.message, SessionOutcome.FAILED)
        await acting.move(move, pipeline=progress.state, clear=True)
        return None
    await acting.put_delivery_phase(UserSessionPhase.ENDED, decision.message)
    body = ReportSession(
        pipeline=progress.state,
        clear_lab=True,
        clear_delivery=True,
        message=decision.message[:2000],
        reason=decision.reason,
    )
    written = await acting.deps.control_plane.report_session(acting.session.id, body)
    if written.generation != acting.session.generation:
        raise WishChanged
    message = f"Queued again after a failed build: {decision.message}"[:2000]
    unschedule = UnscheduleSession(expected_version=written.version, reason=decision.reason, message=message)
    try:
        await acting.deps.control_plane.unschedule(acting.session.id, unschedule)
    except StaleTerm:
        raise
    except (Conflict, PreconditionFailed) as error:
        raise WishChanged from error
    return None
