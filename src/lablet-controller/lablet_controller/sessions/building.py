"""Building a lab, building it again, and giving back what was built when that fails."""

from lablet_controller.failpoints import failpoint
from lablet_controller.pipeline.instantiate import INSTANTIATE, instantiate
from lablet_controller.pipeline.model import Pipeline, StepContext
from lablet_controller.pipeline.progress import Progress, WishChanged, fresh_state
from lablet_controller.pipeline.runner import UNANSWERED, PipelineRunner
from lablet_controller.sessions.context import Acting, condition
from lablet_controller.sessions.decisions import Compensate, Hold, Move, Retry
from lablet_controller.sessions.unheard import delivery_unsettled
from lablet_controller.steps.delivery import STEP as DELIVERY
from lablet_controller.steps.delivery import UNHEARD, undo_delivery
from lcm_core.clients.errors import Conflict, PreconditionFailed, StaleTerm
from lcm_core.contracts.common import ConditionReport
from lcm_core.contracts.sessions import PipelineState, ReportSession, UnscheduleSession
from lcm_core.controller import Outcome
from lcm_core.domain.vocabulary import SessionCondition, SessionOutcome, SessionPhase, StepState, UserSessionPhase

NO_ANSWER = "DeliveryUnavailable"
"""Reason of the condition *delivered* of a lab that waits for its delivery system."""


def _pipeline(acting: Acting, context: StepContext) -> Pipeline:
    content = context.definition.status.content
    added = content.added_steps if content is not None else []
    return instantiate(added, delivery_required=acting.deps.settings.delivery_required)


def _runner(acting: Acting, pipeline: Pipeline) -> PipelineRunner:
    settings = acting.deps.settings
    return PipelineRunner(
        pipeline,
        attempts=settings.step_attempts,
        first_pause=settings.step_pause_seconds,
        longest_pause=settings.step_longest_pause_seconds,
        settling=acting.deps.settling,
    )


async def first_state(acting: Acting) -> PipelineState:
    """The pipeline of a new placement, which has answered every earlier request for a retry."""
    state = fresh_state(_pipeline(acting, await acting.step_context()), acting.session.status.placements_tried)
    return state.model_copy(update={"retry_of": acting.session.spec.retry_requested_at})


def _progress(acting: Acting, pipeline: Pipeline) -> Progress:
    state = acting.session.status.pipeline
    if state is None or state.name != INSTANTIATE:
        state = fresh_state(pipeline, acting.session.status.placements_tried)
    return Progress(acting.session, state, acting.deps.control_plane, acting.deps.clock)


async def build(acting: Acting) -> Outcome | None:
    """Run the pipeline on, up to READY; a lab that is built again is ready already."""
    context = await acting.step_context()
    pipeline = _pipeline(acting, context)
    progress = _progress(acting, pipeline)
    waits = await _runner(acting, pipeline).run(context, progress)
    if waits is not None:
        return Outcome.requeue_after(waits.after, "Building", waits.message)
    conditions = (condition(SessionCondition.LAB_READY, True, "AllNodesRun"), _delivered(progress))
    sentence = "The lab is ready for the learner."
    if acting.session.status.phase is SessionPhase.READY:
        await acting.help_no_longer_needed("build")
        body = ReportSession(
            pipeline=progress.state,
            lab=progress.lab,
            conditions=list(conditions),
            message=sentence,
            reason="LabReady",
            observed_generation=acting.session.generation,
        )
        await acting.deps.control_plane.report_session(acting.session.id, body)
        return None
    move = Move(SessionPhase.READY, "LabReady", sentence)
    await acting.move(move, pipeline=progress.state, lab=progress.lab, conditions=conditions)
    return None


def _delivered(progress: Progress) -> ConditionReport:
    steps = [progress.step(name) for name in (DELIVERY, "devices")]
    if all(step.state is StepState.DONE for step in steps):
        return condition(SessionCondition.DELIVERED, True, "Delivered")
    for step in steps:
        if step.message.startswith(UNANSWERED):
            return condition(SessionCondition.DELIVERED, False, NO_ANSWER, step.message)
    return condition(SessionCondition.DELIVERED, False, "NoDeliverySystem")


async def compensate(acting: Acting, decision: Compensate) -> Outcome | None:
    """Undo everything, then queue again or end as failed; the reason stays."""
    context = await acting.step_context()
    pipeline = _pipeline(acting, context)
    progress = _progress(acting, pipeline)
    await _runner(acting, pipeline).undo(context, progress)
    if acting.session.spec.hold_failed_minutes:
        await acting.help_no_longer_needed("build")
    if not decision.again:
        move = Move(SessionPhase.STOPPING, decision.reason, decision.message, SessionOutcome.FAILED)
        await acting.move(move, pipeline=progress.state, clear=True)
        return None
    if delivery_unsettled(progress.state):
        # A session in the queue may end at once, and then nobody looks for a delivery session again.
        settles_in = acting.deps.settling.remaining(acting.session.id, DELIVERY)
        if settles_in > 0:
            await progress.save(UNHEARD, "DeliverySettles", clear=True)
            return Outcome.requeue_after(settles_in, "DeliverySettles", UNHEARD)
        await undo_delivery(context)
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


async def hold(acting: Acting, decision: Hold) -> Outcome:
    """Ask a person to look at a failed build, and wait."""
    title = f"The lab of session {acting.session.id} could not be built"
    await acting.ask_for_help("build", title, f"{decision.sentence} Retry from a step, or cancel the session.")
    return Outcome.requeue_at(decision.until, decision.reason, decision.sentence)


async def retry(acting: Acting, decision: Retry) -> None:
    """Undo back to the step; the build goes on from there, whatever its number of tries was before."""
    context = await acting.step_context()
    pipeline = _pipeline(acting, context)
    progress = _progress(acting, pipeline)
    # Said before anything is released: what the old delivery session tells from here on means nothing any more.
    if any(step.name == DELIVERY for step in pipeline.since(decision.step)):
        await acting.put_delivery_phase(UserSessionPhase.PROVISIONING, f"Built again from step {decision.step}.")
    await _runner(acting, pipeline).undo(context, progress, since=decision.step)
    failpoint("retry.undone")
    progress.renew(each.name for each in pipeline.since(decision.step))
    progress.state.retry_of = decision.asked
    lab_removed = any(step.name == "lab" for step in pipeline.since(decision.step))
    await progress.save(f"Built again from step {decision.step}, as asked.", "RetryRequested", clear=lab_removed)
    await acting.help_no_longer_needed("build")


async def deliver_again(acting: Acting) -> None:
    """The delivery system answers again: take up the steps that were passed over for it."""
    context = await acting.step_context()
    pipeline = _pipeline(acting, context)
    progress = _progress(acting, pipeline)
    names = [step.name for step in pipeline.steps if progress.step(step.name).message.startswith(UNANSWERED)]
    if names:
        progress.renew(each.name for each in pipeline.since(names[0]))
        await progress.save("The delivery system answers again.", "DeliveryResumes")
