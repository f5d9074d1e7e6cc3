"""Looking after labs that are ready or running: repair, pause, resume, restart, observation."""

import logging
import time

from lablet_controller.labs.holders import HELD_PAUSE, held_message, start_lab
from lablet_controller.labs.reports import report_lab
from lablet_controller.labs.teardown import stop_lab, wait_converged
from lablet_controller.pipeline.model import StepContext
from lablet_controller.pipeline.progress import Progress
from lablet_controller.sessions.building import NO_ANSWER, deliver_again
from lablet_controller.sessions.context import Acting, condition
from lablet_controller.sessions.decide import RESTART
from lablet_controller.sessions.decisions import Consume, Move
from lablet_controller.steps.lab import UP
from lcm_core.contracts.sessions import LabRef, PipelineState, PipelineStep, ReportSession
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import (
    LabPhase,
    SessionCondition,
    SessionOutcome,
    SessionPhase,
    StepState,
    UserSessionPhase,
)
from lcm_core.spi.cml_labs import LabState, NodeState
from lcm_core.spi.errors import OutsideError, OutsideNotFound
from lcm_core.spi.lds import LdsState

log = logging.getLogger(__name__)
OBSERVED = "Observed"
"""Condition type that holds the last observation of a lab's load."""
_DOWN = frozenset({NodeState.DEFINED, NodeState.STOPPED})
_LEARNER_GONE = frozenset({LdsState.USER_FINISHED, LdsState.ARCHIVED})


class Watcher:
    """Looks at live labs now and then; when each was looked at last is kept in memory only."""

    def __init__(self) -> None:
        self._looked: dict[str, float] = {}

    def forget(self, session_id: str) -> None:
        """The session is no longer live."""
        self._looked.pop(session_id, None)

    async def watch(self, acting: Acting) -> Outcome | None:
        """Look if it is time, else rest until it is."""
        deps, session = acting.deps, acting.session
        interval = max(deps.settings.watch_floor_seconds, deps.settings.watch_seconds / deps.clock.factor)
        now = time.monotonic()
        asked = session.spec.observe_requested_at is not None
        observe = asked and session.status.observed_generation < session.generation
        due = self._looked.setdefault(session.id, now) + interval
        if now >= due or observe:
            self._looked[session.id] = now
            due = now + interval
            move = await self._look(acting, observe=observe)
            if move is not None:
                await acting.move(move)
                return None
        at_end = deps.clock.real_seconds_until(session.status.deadline or acting.observed.placement.booked.end)
        sentence = f"The lab is {session.status.phase} and is looked at from time to time."
        return Outcome.requeue_after(min(max(0.0, due - now), at_end), "Watching", sentence)

    async def _look(self, acting: Acting, *, observe: bool) -> Move | None:
        context = await acting.step_context()
        lab = acting.session.status.lab
        if lab is None or context.target is None:
            return None
        try:
            move = await _look_at_lab(acting, context, lab)
            if move is None:
                move = await self._look_at_delivery(acting, context)
            if observe and move is None:
                await _observe(acting, context, lab.cml_lab_id)
        except OutsideError as error:
            await _report_health(acting, None, "Unreachable", f"The lab cannot be seen: {error}")
            return None
        return move

    async def _look_at_delivery(self, acting: Acting, context: StepContext) -> Move | None:
        """An outage of the delivery system is no fault of the lab; its end is what a passed-over delivery waits for."""
        try:
            move = await _delivery_move(acting, context)
        except OutsideError as error:
            log.info("the delivery of session %s cannot be seen: %s", acting.session.id, error)
            return None
        if move is None and _waits_for_delivery(acting):
            await deliver_again(acting)
        return move


def _waits_for_delivery(acting: Acting) -> bool:
    status = acting.session.status
    return status.phase is SessionPhase.READY and any(
        known.type == SessionCondition.DELIVERED and known.reason == NO_ANSWER for known in status.conditions
    )


async def _look_at_lab(acting: Acting, context: StepContext, lab: LabRef) -> Move | None:
    """Start a lab again that stopped; end a session whose lab is gone."""
    cml = acting.deps.outside.cml
    try:
        info = await cml.lab(context.cml, lab.cml_lab_id)
    except OutsideNotFound as error:
        return Move(SessionPhase.STOPPING, "LabLost", f"The lab is gone: {error}", SessionOutcome.FAILED)
    if info.state is not LabState.STARTED:
        await _report_health(acting, False, "LabStopped", "The lab had stopped and is started again.")
        holder = await start_lab(context, lab.cml_lab_id)
        if holder:
            await _report_health(acting, False, "PortsHeld", f"The lab had stopped. {held_message(holder)}")
        return None
    nodes = await cml.nodes(context.cml, lab.cml_lab_id)
    down = sorted(node.label for node in nodes if node.state in _DOWN)
    if down:
        names = ", ".join(down[:20])
        await _report_health(acting, False, "NodesStopped", f"These nodes had stopped and are started again: {names}.")
        await cml.start(context.cml, lab.cml_lab_id)
    elif all(node.state in UP for node in nodes):
        await _report_health(acting, True, "AllNodesRun", "")
    return None


async def _report_health(acting: Acting, ready: bool | None, reason: str, message: str) -> None:
    """Store a change of the lab's condition; an unchanged one costs nothing."""
    for known in acting.session.status.conditions:
        if (known.type, known.reason, known.message) == (SessionCondition.LAB_READY, reason, message):
            return
    report = condition(SessionCondition.LAB_READY, ready, reason, message)
    await acting.deps.control_plane.report_session(acting.session.id, ReportSession(conditions=[report]))


async def _delivery_move(acting: Acting, context: StepContext) -> Move | None:
    """What the delivery system says when its events were lost."""
    delivery = acting.deps.outside.deliveries.of(context.region)
    if delivery is None:
        return None
    states = {known.state for known in await delivery.find(acting.session.id)}
    if acting.session.status.phase is SessionPhase.READY:
        if states & {LdsState.RUNNING, LdsState.PAUSED, LdsState.USER_FINISHED}:
            return Move(SessionPhase.RUNNING, "LearnerStarted", "The learner has started.")
    elif states and states <= _LEARNER_GONE:
        if acting.session.spec.graded:
            return Move(SessionPhase.COLLECTING, "LearnerFinished", "The learner has finished.")
        return Move(SessionPhase.STOPPING, "LearnerFinished", "The learner has finished.", SessionOutcome.COMPLETED)
    return None


async def _observe(acting: Acting, context: StepContext, lab_id: str) -> None:
    """Store what the nodes use, beside what was reserved for them, and how the lab differs from its definition."""
    loads = await acting.deps.outside.cml.loads(context.cml, lab_id)
    booked = acting.observed.placement.resources
    busiest = max(loads, key=lambda load: load.cpu_percent, default=None)
    memory = [load.memory_mb for load in loads if load.memory_mb is not None]
    parts = [f"{len(loads)} of {booked.nodes} booked nodes run"]
    if busiest is not None:
        parts.append(f"the busiest, {busiest.label}, uses {busiest.cpu_percent:.0f} % CPU")
    if memory:
        parts.append(f"{sum(memory):.0f} of {booked.memory_mb} MB memory is used")
    drift = await _drift(context, lab_id)
    if memory and sum(memory) > booked.memory_mb:
        drift.append("more memory is used than was booked")
    report = condition(OBSERVED, not drift, "Drifted" if drift else "LoadRead", "; ".join([*drift, *parts]) + ".")
    body = ReportSession(conditions=[report], observed_generation=acting.session.generation)
    await acting.deps.control_plane.report_session(acting.session.id, body)


async def _drift(context: StepContext, lab_id: str) -> list[str]:
    """In which nodes the lab is no longer what its definition says."""
    planned = {node.label for node in (await context.deps.topologies.get(context.content)).nodes}
    present = {node.label for node in await context.deps.outside.cml.nodes(context.cml, lab_id)}
    found = []
    if present - planned:
        found.append(f"the lab has nodes that its definition lacks: {', '.join(sorted(present - planned)[:20])}")
    if planned - present:
        found.append(f"the lab lacks nodes of its definition: {', '.join(sorted(planned - present)[:20])}")
    return found


async def consume(acting: Acting, decision: Consume) -> None:
    """Take note of events that move nothing."""
    body = ReportSession(consume_signals=list(decision.events))
    await acting.deps.control_plane.report_session(acting.session.id, body)
    if decision.paused:
        await acting.put_delivery_phase(UserSessionPhase.PAUSED, "The learner pauses.")


async def pause(acting: Acting) -> Outcome | None:
    """Stop the lab, keep place, ports and delivery session, then STOPPED."""
    context = await acting.step_context()
    lab = acting.session.status.lab
    try:
        if lab is not None:
            await stop_lab(acting.deps, context.cml, lab.cml_lab_id)
            await report_lab(context, lab.cml_lab_id, LabPhase.STOPPED)
    except OutsideError as error:
        raise RetryableError("PauseRetries", str(error)) from error
    await acting.put_delivery_phase(UserSessionPhase.PAUSED)
    await acting.move(Move(SessionPhase.STOPPED, "Paused", "Paused by its owner; the place is kept."))
    return None


async def resume(acting: Acting) -> Outcome | None:
    """Start the lab again, then RUNNING."""
    context = await acting.step_context()
    waits = await _up(acting, context)
    if waits is not None:
        return Outcome.requeue_after(waits, "Resuming", "The lab boots again.")
    await acting.put_delivery_phase(UserSessionPhase.ACTIVE)
    await acting.move(Move(SessionPhase.RUNNING, "Resumed", "The lab runs again."))
    return None


async def _up(acting: Acting, context: StepContext) -> float | None:
    """Start the lab; the pause until the next look while it boots."""
    lab = acting.session.status.lab
    if lab is None:
        raise RetryableError("NoLab", "The session has no lab to start.")
    try:
        if (await acting.deps.outside.cml.lab(context.cml, lab.cml_lab_id)).state is not LabState.STARTED:
            holder = await start_lab(context, lab.cml_lab_id)
            if holder:
                raise RetryableError("PortsHeld", held_message(holder), after=HELD_PAUSE)
        pause_seconds = await wait_converged(acting.deps, context.cml, lab.cml_lab_id)
        if pause_seconds is None:
            await report_lab(context, lab.cml_lab_id, LabPhase.BOOTED)
    except OutsideError as error:
        raise RetryableError("StartRetries", str(error)) from error
    return pause_seconds


async def restart(acting: Acting) -> Outcome | None:
    """Stop and start the lab once per request; the stage is stored, so a crash between does not stop it twice."""
    asked = acting.session.spec.restart_requested_at
    assert asked is not None  # decided so
    progress = _restart_progress(acting, asked.isoformat())
    step = progress.step(RESTART)
    context = await acting.step_context()
    if step.outputs.get("stage") == "stop":
        await progress.save("The lab is restarted.", "Restarting")
        lab = acting.session.status.lab
        try:
            if lab is not None:
                await stop_lab(acting.deps, context.cml, lab.cml_lab_id)
        except OutsideError as error:
            raise RetryableError("RestartRetries", str(error)) from error
        step.outputs = {**step.outputs, "stage": "start"}
        await progress.save("The lab is started again.", "Restarting")
    waits = await _up(acting, context)
    if waits is not None:
        return Outcome.requeue_after(waits, "Restarting", "The lab boots again.")
    progress.end(RESTART, StepState.DONE, "The lab runs again.")
    await progress.save("The lab runs again.", "Restarted")
    return None


def _restart_progress(acting: Acting, asked: str) -> Progress:
    state = acting.session.status.pipeline
    if state is None or state.name != RESTART or state.steps[0].outputs.get("requested_at") != asked:
        step = PipelineStep(name=RESTART, outputs={"requested_at": asked, "stage": "stop"})
        state = PipelineState(name=RESTART, steps=[step])
    progress = Progress(acting.session, state, acting.deps.control_plane, acting.deps.clock)
    if state.steps[0].state is StepState.PENDING:
        progress.begin(RESTART, "The lab is restarted.")
    return progress
