"""Collecting the evidence and having it graded."""

from datetime import datetime

from lablet_controller.failpoints import failpoint
from lablet_controller.grading.collect import collect
from lablet_controller.grading.request import grading_request, score_report
from lablet_controller.labs.holders import HELD_PAUSE, held_message, start_lab
from lablet_controller.labs.reports import report_lab
from lablet_controller.labs.teardown import stop_lab, wait_converged
from lablet_controller.pipeline.model import StepContext
from lablet_controller.sessions.context import Acting, condition
from lablet_controller.sessions.decide import LAB_STOPPED
from lablet_controller.sessions.decisions import Move
from lcm_core.clients.errors import NotFound
from lcm_core.contracts.sessions import GradingSessionView, PutGradingSession, ReportSession
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import (
    GradingPhase,
    LabPhase,
    SessionCondition,
    SessionOutcome,
    SessionPhase,
    SignalType,
)
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.errors import OutsideError, OutsideNotFound, OutsideRefused
from lcm_core.spi.grading import EngineState, GradingEngine, GradingJob

_FAILED = frozenset({EngineState.FAILED, EngineState.CANCELED})
SHORTEST_POLL = 1.0


async def collect_evidence(acting: Acting) -> Outcome | None:
    """Read and store the evidence, then go on to grading, or to the end when nothing grades it."""
    context = await acting.step_context()
    lab = acting.session.status.lab
    if lab is None:
        return await _no_lab(acting, "The session has no lab.")
    try:
        info = await acting.deps.outside.cml.lab(context.cml, lab.cml_lab_id)
        if info.state is not LabState.STARTED:
            holder = await start_lab(context, lab.cml_lab_id)
            if holder:
                return Outcome.requeue_after(HELD_PAUSE, "PortsHeld", held_message(holder))
        pause = await wait_converged(acting.deps, context.cml, lab.cml_lab_id)
        if pause is not None:
            return Outcome.requeue_after(pause, "BootsForCollection", "The lab boots so that it can be read.")
        await _store_evidence(acting, context, lab.cml_lab_id)
    except OutsideNotFound as error:
        return await _no_lab(acting, f"The lab is gone: {error}")
    except OutsideError as error:
        return await _again_later(acting, "CollectionRetries", str(error))
    if not context.content.rubric_key or acting.deps.outside.grading is None:
        message = "The evidence is kept; nothing grades it." if context.content.rubric_key else "There is no rubric."
        await acting.move(Move(SessionPhase.STOPPING, "NothingGrades", message, SessionOutcome.COMPLETED))
        return None
    await acting.move(Move(SessionPhase.GRADING, "EvidenceStored", "The evidence is stored and waits for a verdict."))
    return None


async def _store_evidence(acting: Acting, context: StepContext, lab_id: str) -> None:
    evidence = await collect(
        acting.deps,
        context.cml,
        lab_id,
        acting.session.id,
        context.content.package_bucket,
        _collected_at(acting),
    )
    failpoint("evidence.stored")
    await acting.deps.control_plane.put_grading_session(
        acting.session.id,
        PutGradingSession(
            phase=GradingPhase.COLLECTING,
            evidence_bucket=evidence.bucket,
            manifest_key=evidence.manifest_key,
            evidence=list(evidence.files),
            message="; ".join(evidence.missing)[:2000] or f"{len(evidence.files)} files.",
        ),
    )


def _collected_at(acting: Acting) -> datetime:
    return acting.deps.clock.now()


async def stop_graded_lab(acting: Acting) -> None:
    """Stop the lab of a session that is graded after its slot: what is graded is the evidence.

    Raises ``RetryableError`` while nodes go down and ``OutsideError`` when CML does not answer.
    """
    lab, context = acting.session.status.lab, await acting.step_context()
    if lab is not None:
        await stop_lab(acting.deps, context.cml, lab.cml_lab_id)
        await report_lab(context, lab.cml_lab_id, LabPhase.STOPPED)
    stopped = condition(SessionCondition.LAB_READY, False, LAB_STOPPED, "The slot is over and the evidence is stored.")
    await acting.deps.control_plane.report_session(acting.session.id, ReportSession(conditions=[stopped]))


async def _no_lab(acting: Acting, message: str) -> Outcome | None:
    await acting.move(Move(SessionPhase.STOPPING, "LabLost", message, SessionOutcome.FAILED))
    return None


async def _again_later(acting: Acting, reason: str, sentence: str) -> Outcome:
    """Show why it takes long, and try again after the key's back-off."""
    await acting.deps.control_plane.report_session(
        acting.session.id, ReportSession(message=sentence[:2000], reason=reason)
    )
    raise RetryableError(reason, sentence)


async def grade(acting: Acting) -> Outcome | None:
    """Submit, or ask how far the engine is, and store its verdict."""
    engine = acting.deps.outside.grading
    context = await acting.step_context()
    if engine is None:
        await acting.move(
            Move(SessionPhase.STOPPING, "NothingGrades", "No grading engine is configured.", SessionOutcome.COMPLETED)
        )
        return None
    try:
        child = await acting.deps.control_plane.grading_session(acting.session.id)
        job = await _job(acting, context, engine, child)
    except NotFound:
        await acting.move(
            Move(SessionPhase.STOPPING, "EvidenceLost", "No evidence is on record.", SessionOutcome.FAILED)
        )
        return None
    except OutsideRefused as error:
        return await _give_up(acting, "GradingRefused", str(error))
    except OutsideError as error:
        if acting.observed.late:
            return await _give_up(acting, "GradingUnavailable", str(error))
        return await _again_later(acting, "GradingRetries", str(error))
    if job.report is not None and job.state is EngineState.COMPLETED:
        return await _store_verdict(acting, job)
    if job.state in _FAILED or job.state is EngineState.COMPLETED:
        return await _failed(acting, child, job)
    if acting.observed.late:
        return await _give_up(acting, "GradingTooSlow", f"The engine still says {job.state} at the deadline.")
    poll = max(SHORTEST_POLL, acting.deps.settings.grading_poll_seconds / acting.deps.clock.factor)
    return Outcome.requeue_after(poll, "Grading", f"The grading engine is {job.state}.")


async def _job(acting: Acting, context: StepContext, engine: GradingEngine, child: GradingSessionView) -> GradingJob:
    """The engine's job of the present attempt, submitted when there is none; repeating the key makes no second one."""
    if child.engine_id:
        try:
            return await engine.job(child.engine_id)
        except OutsideNotFound:
            pass  # the engine forgot it; the same key makes it anew
    attempt = max(1, child.attempts)
    job = await engine.submit(grading_request(context, child, attempt))
    failpoint("grading.submitted")
    body = PutGradingSession(phase=GradingPhase.GRADING, engine_id=job.id, attempts=attempt, message="Submitted.")
    await acting.deps.control_plane.put_grading_session(acting.session.id, body)
    return job


def _answered(acting: Acting) -> tuple[str, ...]:
    return acting.observed.waiting(
        SignalType.GRADING_COMPLETED,
        SignalType.GRADING_FAILED,
        SignalType.COLLECTION_COMPLETED,
        SignalType.COLLECTION_FAILED,
        SignalType.LDS_ENDED,
    )


async def _store_verdict(acting: Acting, job: GradingJob) -> Outcome | None:
    assert job.report is not None  # the caller looked
    report = job.report
    await acting.deps.control_plane.put_score_report(acting.session.id, score_report(job.id, report))
    failpoint("score.stored")
    word = "passed" if report.passed else "not passed"
    message = f"Graded: {report.score:g} of {report.max_score:g}, {word}."
    body = PutGradingSession(phase=GradingPhase.SUBMITTED, message=message)
    await acting.deps.control_plane.put_grading_session(acting.session.id, body)
    move = Move(SessionPhase.STOPPING, "Graded", message, SessionOutcome.COMPLETED, _answered(acting))
    await acting.move(move, conditions=(condition(SessionCondition.GRADED, True, "Graded", message),))
    return None


async def _failed(acting: Acting, child: GradingSessionView, job: GradingJob) -> Outcome | None:
    """Another attempt under another key, until there were enough."""
    attempts = max(1, child.attempts)
    sentence = f"Attempt {attempts} ended as {job.state}: {job.error or 'no reason given'}"
    if attempts >= acting.deps.settings.grading_attempts:
        return await _give_up(acting, "GradingFailed", sentence)
    body = PutGradingSession(phase=GradingPhase.PENDING, engine_id="", attempts=attempts + 1, message=sentence[:2000])
    await acting.deps.control_plane.put_grading_session(acting.session.id, body)
    seen = ReportSession(message=sentence[:2000], reason="GradingRetries", consume_signals=list(_answered(acting)))
    await acting.deps.control_plane.report_session(acting.session.id, seen)
    return Outcome.requeue_after(acting.deps.settings.step_pause_seconds, "GradingRetries", sentence)


async def _give_up(acting: Acting, reason: str, sentence: str) -> Outcome | None:
    """End with a reason; the evidence is kept and a person is asked to look."""
    title = f"Session {acting.session.id} could not be graded"
    await acting.ask_for_help("grading", title, f"{sentence} The evidence is kept.")
    body = PutGradingSession(phase=GradingPhase.FAULTED, message=sentence[:2000])
    await acting.deps.control_plane.put_grading_session(acting.session.id, body)
    graded = condition(SessionCondition.GRADED, False, reason, sentence)
    move = Move(SessionPhase.STOPPING, reason, sentence, SessionOutcome.FAILED, _answered(acting))
    await acting.move(move, conditions=(graded,))
    return None
