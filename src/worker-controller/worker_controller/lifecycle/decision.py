"""What a decision can say."""

from dataclasses import dataclass, replace
from enum import StrEnum

from lcm_core.domain.vocabulary import TaskSeverity, WorkerFinalizer, WorkerPhase
from worker_controller.pace import Pace


class StepKind(StrEnum):
    """Effects outside, each safe to repeat."""

    LAUNCH = "launch"
    ADOPT = "adopt"
    START = "start"
    STOP = "stop"
    TERMINATE = "terminate"
    TAG = "tag"
    MONITOR = "monitor"
    REGISTER = "register"
    SET_NODES = "set_nodes"
    RENEW = "renew"
    DEREGISTER = "deregister"


@dataclass(frozen=True, slots=True)
class Step:
    """One effect outside.

    ``number`` is the launch attempt or the count of expansion nodes; ``enabled`` belongs to MONITOR; ``requested``
    says that a person asked for a license step, ``product`` which product to activate first (empty: leave it).
    """

    kind: StepKind
    number: int = 0
    enabled: bool = False
    requested: bool = False
    product: str = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """A reason for an operator task about a worker; ``kind`` is unique per worker."""

    kind: str
    title: str
    description: str
    severity: TaskSeverity = TaskSeverity.WARNING


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from the facts.

    ``reason`` and ``sentence`` become the outcome of the reconcile and, when ``tell`` is set, the worker's status.
    At most one of ``move_to`` and ``step`` is set. ``pace`` says how soon to look again. ``clear`` names finalizers
    that are done. ``concerns`` are the tasks that are open now; a concern no longer named is over.
    ``drop_license_action`` takes back a person's license wish that cannot be carried out.
    """

    reason: str
    sentence: str
    pace: Pace = Pace.STEADY
    move_to: WorkerPhase | None = None
    step: Step | None = None
    clear: tuple[WorkerFinalizer, ...] = ()
    concerns: tuple[Concern, ...] = ()
    tell: bool = True
    drop_license_action: bool = False

    def with_concerns(self, *concerns: Concern) -> "Decision":
        """The same with further concerns."""
        return replace(self, concerns=(*self.concerns, *concerns))


def move(
    to: WorkerPhase,
    reason: str,
    sentence: str,
    *,
    clear: tuple[WorkerFinalizer, ...] = (),
    concern: Concern | None = None,
) -> Decision:
    """Change the phase."""
    return Decision(reason, sentence, Pace.INSTANCE, move_to=to, clear=clear, concerns=(concern,) if concern else ())


def act(step: Step, reason: str, sentence: str, pace: Pace = Pace.INSTANCE) -> Decision:
    """Do something outside."""
    return Decision(reason, sentence, pace, step=step)


def wait(reason: str, sentence: str, pace: Pace) -> Decision:
    """Look again later."""
    return Decision(reason, sentence, pace)


def failed(reason: str, sentence: str) -> Decision:
    """Give up for now and ask a person."""
    title = "A worker failed"
    concern = Concern("failed", title, sentence, TaskSeverity.CRITICAL)
    return move(WorkerPhase.FAILED, reason, sentence, concern=concern)
