"""The end of a session: the lab is stopped, the delivery session released, the lab removed, nothing is left."""

from lablet_controller.failpoints import failpoint
from lablet_controller.labs.lookup import labs_of
from lablet_controller.labs.pool import give_to_pool
from lablet_controller.labs.reports import report_lab
from lablet_controller.labs.teardown import remove_lab, stop_lab
from lablet_controller.pipeline.model import StepContext
from lablet_controller.sessions.context import Acting
from lablet_controller.sessions.decisions import Move
from lablet_controller.steps.delivery import UNHEARD, undo_delivery
from lcm_core.clients.errors import NotFound
from lcm_core.contracts.sessions import ReportSession
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import BEGUN_STEP_STATES, LabPhase, SessionOutcome, SessionPhase, UserSessionPhase
from lcm_core.spi.errors import OutsideError, OutsideNotFound
from lcm_core.topology import owner_of

_DELIVERY_END = {
    SessionOutcome.EXPIRED: UserSessionPhase.EXPIRED,
    SessionOutcome.NO_SHOW: UserSessionPhase.EXPIRED,
    SessionOutcome.FAILED: UserSessionPhase.FAULTED,
}


async def stop_for_good(acting: Acting, *, late: bool) -> None:
    """Stop the lab, then STOPPED."""
    context = await acting.step_context()
    lab = acting.session.status.lab
    try:
        if lab is not None and context.target is not None:
            await stop_lab(acting.deps, context.target, lab.cml_lab_id)
    except OutsideError as error:
        await _stuck(acting, "stopping", "could not be stopped", str(error), late=late)
    if late:
        await acting.help_no_longer_needed("stopping")
    await acting.move(Move(SessionPhase.STOPPED, "LabStopped", "The lab is stopped."))


async def clean_up(acting: Acting, *, late: bool, settles_in: float) -> Outcome | None:
    """Give everything back, then TERMINATED. Repeating any part is harmless.

    For ``settles_in`` real seconds the delivery system may still make a session that nobody heard of; then it is looked
    for again.
    """
    context = await acting.step_context()
    try:
        await _cancel_grading(acting)
        await undo_delivery(context)
        failpoint("delivery.released")
        await _remove_labs(acting, context)
        failpoint("lab.removed")
    except OutsideError as error:
        await _stuck(acting, "cleanup", "could not be cleaned up", str(error), late=late)
    if late:
        await acting.help_no_longer_needed("cleanup")
    if settles_in > 0:
        return await _settle(acting, settles_in)
    outcome = acting.session.status.outcome or SessionOutcome.COMPLETED
    await acting.put_delivery_phase(_DELIVERY_END.get(outcome, UserSessionPhase.ENDED))
    message = acting.session.status.history[-1].message if acting.session.status.history else ""
    for change in reversed(acting.session.status.history):
        if change.phase is SessionPhase.STOPPING:
            message = change.message
            break
    await acting.move(Move(SessionPhase.TERMINATED, "CleanedUp", message or "Nothing is held any more."), clear=True)
    return None


async def _settle(acting: Acting, settles_in: float) -> Outcome:
    await acting.deps.control_plane.report_session(
        acting.session.id, ReportSession(message=UNHEARD, reason="DeliverySettles")
    )
    return Outcome.requeue_after(settles_in, "DeliverySettles", UNHEARD)


async def _cancel_grading(acting: Acting) -> None:
    """A job whose verdict nobody waits for any more."""
    engine, status = acting.deps.outside.grading, acting.session.status
    if engine is None or not status.grading_session_id or status.score is not None:
        return
    try:
        child = await acting.deps.control_plane.grading_session(acting.session.id)
    except NotFound:
        return
    if child.engine_id:
        await engine.cancel(child.engine_id)


async def _remove_labs(acting: Acting, context: StepContext) -> None:
    """The known lab, or whatever an interrupted import left; a lost worker took its labs along."""
    if context.target is None:
        return
    lab = acting.session.status.lab
    if lab is not None:
        ids = [lab.cml_lab_id]
    elif _may_have_left_a_lab(acting):
        ids = [found.id for found in await labs_of(acting.deps.outside.cml, context.target, acting.session.id)]
    else:
        ids = []
    for lab_id in ids:
        if context.definition.spec.warm_pool_depth and not await _still_ours(acting, context, lab_id):
            continue
        if acting.session.status.outcome is not SessionOutcome.FAILED and await give_to_pool(context, lab_id):
            continue
        await remove_lab(acting.deps, context.target, lab_id)
        await report_lab(context, lab_id, LabPhase.DELETED)


async def _still_ours(acting: Acting, context: StepContext, lab_id: str) -> bool:
    """Whether the lab was not given to the pool, and perhaps to another session, by an interrupted clean-up."""
    try:
        lab = await acting.deps.outside.cml.lab(context.cml, lab_id)
    except OutsideNotFound:
        return False
    return owner_of(lab.title, lab.notes) == acting.session.id


def _may_have_left_a_lab(acting: Acting) -> bool:
    pipeline = acting.session.status.pipeline
    return pipeline is not None and any(
        step.name == "lab" and step.state in BEGUN_STEP_STATES for step in pipeline.steps
    )


async def _stuck(acting: Acting, what: str, title: str, sentence: str, *, late: bool) -> None:
    """Say what keeps it, ask a person when that lasts, and try again."""
    await acting.deps.control_plane.report_session(
        acting.session.id, ReportSession(message=sentence[:2000], reason="CleanUpRetries")
    )
    if late:
        await acting.ask_for_help(what, f"Session {acting.session.id} {title}", sentence)
    raise RetryableError("CleanUpRetries", sentence)
