"""The session reconciler: observe, decide, act, again and again until there is nothing to do now."""

from contextlib import suppress

from lablet_controller.outside import Deps
from lablet_controller.pipeline.model import StepFailed
from lablet_controller.pipeline.progress import WishChanged
from lablet_controller.sessions.assessing import collect_evidence, grade, stop_graded_lab
from lablet_controller.sessions.building import build, compensate, first_state, hold, retry
from lablet_controller.sessions.care import Watcher, consume, pause, restart, resume
from lablet_controller.sessions.context import Acting
from lablet_controller.sessions.decide import Observed, decide
from lablet_controller.sessions.decisions import (
    Build,
    CleanUp,
    Collect,
    Compensate,
    Consume,
    Decision,
    Grade,
    Hold,
    Move,
    Pause,
    Rest,
    Restart,
    Resume,
    Retry,
    StopLab,
    Watch,
)
from lablet_controller.sessions.finishing import clean_up, stop_for_good
from lablet_controller.sessions.unheard import delivery_unsettled
from lablet_controller.steps.delivery import STEP as DELIVERY
from lcm_core.clients.errors import NotFound
from lcm_core.contracts.sessions import SessionView
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import SessionPhase, UserSessionPhase
from lcm_core.spi.errors import OutsideError

ROUNDS = 40
"""Decisions of one reconcile; a whole life takes about fifteen."""
_LIVE = frozenset({SessionPhase.READY, SessionPhase.RUNNING})


class SessionReconciler:
    """Makes sessions so; see ``decide`` for what that means."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._watcher = Watcher()

    async def reconcile(self, key: str) -> Outcome:
        """One session, as far as it can go now."""
        for _ in range(ROUNDS):
            try:
                observed = await self._observe(key)
                if observed is None:
                    self._forget(key)
                    return Outcome.done("Gone", "The session does not exist any more.")
                outcome = await self._act(Acting(self._deps, observed), decide(observed))
            except (WishChanged, StepFailed):
                continue  # both are stored: the next round decides what follows
            except OutsideError as error:
                raise RetryableError("OutsideUnavailable", str(error)) from error
            if outcome is not None:
                return outcome
        return Outcome.retry("TooManyRounds", f"The session did not come to rest within {ROUNDS} decisions.")

    async def _observe(self, key: str) -> Observed | None:
        try:
            session = await self._deps.control_plane.session(key)
        except NotFound:
            return None
        placement = session.status.placement
        worker = await self._deps.workers.get(placement.worker_id) if placement is not None else None
        return Observed(session, worker, self._deps.clock.now(), self._settles_in(session))

    def _settles_in(self, session: SessionView) -> float:
        if not delivery_unsettled(session.status.pipeline):
            return 0.0
        return self._deps.settling.remaining(session.id, DELIVERY)

    def _forget(self, session_id: str) -> None:
        self._watcher.forget(session_id)
        self._deps.settling.over(session_id)

    async def _act(self, acting: Acting, decision: Decision) -> Outcome | None:
        if acting.session.status.phase is SessionPhase.TERMINATED:
            self._forget(acting.session.id)
        elif acting.session.status.phase not in _LIVE:
            self._watcher.forget(acting.session.id)
        match decision:
            case Rest(reason, sentence, until):
                if until is None:
                    return Outcome.done(reason, sentence)
                return Outcome.requeue_at(until, reason, sentence)
            case Move():
                return await self._move(acting, decision)
            case Build():
                return await build(acting)
            case Hold():
                return await hold(acting, decision)
            case Compensate():
                return await compensate(acting, decision)
            case Watch():
                return await self._watcher.watch(acting)
            case Collect():
                return await collect_evidence(acting)
            case Grade(stop_lab):
                if stop_lab:
                    with suppress(OutsideError):  # a CML that does not answer must not hold up the verdict
                        await stop_graded_lab(acting)
                return await grade(acting)
            case _:
                return await self._wish(acting, decision)

    async def _wish(self, acting: Acting, decision: Decision) -> Outcome | None:
        match decision:
            case Consume():
                await consume(acting, decision)
            case Pause():
                return await pause(acting)
            case Resume():
                return await resume(acting)
            case Retry():
                await retry(acting, decision)
            case Restart():
                return await restart(acting)
            case StopLab(late):
                await stop_for_good(acting, late=late)
            case CleanUp(late, settles_in):
                return await clean_up(acting, late=late, settles_in=settles_in)
        return None

    async def _move(self, acting: Acting, move: Move) -> Outcome | None:
        pipeline = await first_state(acting) if move.to is SessionPhase.INSTANTIATING else None
        await acting.move(move, pipeline=pipeline)
        if move.to is SessionPhase.RUNNING:
            await acting.put_delivery_phase(UserSessionPhase.ACTIVE)
        return None
