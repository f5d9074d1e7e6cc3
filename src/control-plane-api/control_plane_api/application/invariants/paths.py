"""Phases only move along their table, and what is final has its outcome."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from control_plane_api.application.invariants.picture import Picture, Violation
from control_plane_api.domain.lablet_session.session import HISTORY_LIMIT
from lcm_core.domain import SESSION_STATES, WORKER_STATES
from lcm_core.domain.session_states import SESSION_PHASES_HOLDING_A_PLACE
from lcm_core.domain.state_table import StateTable
from lcm_core.domain.vocabulary import SessionPhase

PhaseT = TypeVar("PhaseT", bound=StrEnum)

OVERDUE = timedelta(hours=4)
"""Collecting, grading, stopping and archiving together take less than half of it, even when each uses its deadline."""
_BEFORE_THE_END = frozenset(
    {SessionPhase.PENDING, SessionPhase.SCHEDULED, SessionPhase.INSTANTIATING, SessionPhase.READY}
)


def session_paths(picture: Picture) -> Iterator[Violation]:
    """Each recorded step of a session is an edge of the session table, and the last one led to its phase."""
    for session in picture.sessions.values():
        problem = _broken_path(SESSION_STATES, session.history, session.phase)
        if problem:
            yield Violation("session-path", session.id, f"Session {session.id} {problem}.")


def worker_paths(picture: Picture) -> Iterator[Violation]:
    """The same for workers."""
    for worker in picture.workers.values():
        problem = _broken_path(WORKER_STATES, worker.history, worker.phase)
        if problem:
            yield Violation("worker-path", worker.id, f"Worker {worker.id} {problem}.")


def _broken_path(table: StateTable[PhaseT], history: Sequence[PhaseT], phase: PhaseT) -> str:
    if not history:
        return ""
    for before, after in pairwise(history):
        if not table.allows(before, after):
            return f"went from {before} to {after}, which its table does not list"
    if len(history) < HISTORY_LIMIT and history[0] not in table.initial:
        return f"began as {history[0]}, and it may only begin as {', '.join(table.initial)}"
    if history[-1] is not phase:
        return f"is {phase}, but its last recorded step led to {history[-1]}"
    return ""


def session_outcomes(picture: Picture) -> Iterator[Violation]:
    """A terminated session has its outcome; one that has not come to its end has none."""
    for session in picture.sessions.values():
        if session.phase is SessionPhase.TERMINATED and session.outcome is None:
            sentence = f"Session {session.id} is terminated without an outcome."
            yield Violation("session-outcome", session.id, sentence)
        elif session.phase in _BEFORE_THE_END and session.outcome is not None:
            sentence = f"Session {session.id} is {session.phase} and has the outcome {session.outcome} already."
            yield Violation("session-outcome", session.id, sentence)


def session_places(picture: Picture) -> Iterator[Violation]:
    """A session has a place exactly while it is neither waiting for one nor over."""
    for session in picture.sessions.values():
        if session.phase in SESSION_PHASES_HOLDING_A_PLACE and session.place is None:
            yield Violation("session-place", session.id, f"Session {session.id} is {session.phase} without a place.")
        elif session.phase is SessionPhase.PENDING and session.place is not None:
            sentence = f"Session {session.id} waits for a place and has one on worker {session.place.worker_id}."
            yield Violation("session-place", session.id, sentence)


def session_ends(picture: Picture) -> Iterator[Violation]:
    """No session is still about long after the end of its slot."""
    for session in picture.sessions.values():
        end = session.place.end if session.place is not None else session.slot_end
        if session.phase is not SessionPhase.TERMINATED and picture.at - end > OVERDUE:
            hours = (picture.at - end) / timedelta(hours=1)
            sentence = f"Session {session.id} is still {session.phase} {hours:.0f} hours after the end of its slot."
            yield Violation("session-ends", session.id, sentence)


def signals_once(picture: Picture) -> Iterator[Violation]:
    """No session was told of an inbound event twice."""
    for session in picture.sessions.values():
        twice = sorted({event for event in session.signals if session.signals.count(event) > 1})
        for event in twice:
            yield Violation("signal-once", f"{session.id}/{event}", f"Session {session.id} was told of {event} twice.")
