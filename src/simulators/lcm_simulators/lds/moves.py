"""What the learner may do in which state: pure."""

from dataclasses import dataclass

from lcm_simulators.lds.model import LdsState, LearnerAction

STARTED, PAUSED, ENDED = "lds.session.started.v1", "lds.session.paused.v1", "lds.session.ended.v1"
S = LdsState


@dataclass(frozen=True, slots=True)
class Move:
    """A step from one state to another, the event that tells of it and the reason in that event."""

    to: LdsState
    event: str
    reason: str


_MOVES: dict[tuple[LdsState, LearnerAction], Move] = {
    (S.PRELAUNCH, LearnerAction.START): Move(S.RUNNING, STARTED, "learner_started"),
    (S.PAUSED, LearnerAction.START): Move(S.RUNNING, STARTED, "learner_resumed"),
    (S.RUNNING, LearnerAction.PAUSE): Move(S.PAUSED, PAUSED, "learner_paused"),
    (S.RUNNING, LearnerAction.FINISH): Move(S.USER_FINISHED, ENDED, "learner_finished"),
    (S.PAUSED, LearnerAction.FINISH): Move(S.USER_FINISHED, ENDED, "learner_finished"),
}
_THERE_ALREADY = {
    LearnerAction.START: S.RUNNING,
    LearnerAction.PAUSE: S.PAUSED,
    LearnerAction.FINISH: S.USER_FINISHED,
}


def move_of(state: LdsState, action: LearnerAction) -> Move | None:
    """The step a button takes; None when the state does not allow it."""
    return _MOVES.get((state, action))


def actions_in(state: LdsState) -> tuple[LearnerAction, ...]:
    """The buttons of a state."""
    return tuple(action for action in LearnerAction if (state, action) in _MOVES)


def nothing_to_do(state: LdsState, action: LearnerAction) -> bool:
    """Whether the state is where the button leads: a second press is no mistake and tells nobody."""
    return state is _THERE_ALREADY[action]
