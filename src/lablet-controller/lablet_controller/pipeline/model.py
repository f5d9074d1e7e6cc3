"""What a pipeline is made of.

A *step* is one idempotent piece of work with an optional undo. Before a step with effects runs, its intent is stored
(state running); when it is done, its outputs are stored: they are the checkpoint from which a later attempt, perhaps of
another process, goes on. A step that finds its stored intent looks for what an earlier attempt left before it acts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lablet_controller.outside import Deps
from lcm_core.contracts.definitions import DefinitionView, DerivedContent
from lcm_core.contracts.sessions import LabRef, Placement, SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.controller import ReconcileError
from lcm_core.spi.cml_system import CmlTarget


class StepFailed(ReconcileError):
    """A step cannot succeed here; ``elsewhere`` says that another worker might do better."""

    def __init__(self, reason: str, sentence: str, *, elsewhere: bool) -> None:
        super().__init__(reason, sentence)
        self.elsewhere = elsewhere


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step came to. ``wait`` (real seconds) means: not finished, look again then. ``passed_over`` means that it
    did not succeed, but nothing depends on it.
    """

    message: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    wait: float | None = None
    passed_over: bool = False
    lab: LabRef | None = None


@dataclass(slots=True)
class StepContext:
    """What a step works with. ``attempted`` is true when an earlier attempt of this run may have had effects;
    ``begun_at`` is when the step was begun first. ``unsettled`` (real seconds) is how long a call of an earlier attempt
    may still take to have its effect: a step that runs ``once`` adopts what it finds and asks for nothing until then.
    ``region`` is where the session's worker is, or was.
    """

    deps: Deps
    session: SessionView
    placement: Placement
    worker: WorkerView | None
    target: CmlTarget | None
    definition: DefinitionView
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    attempted: bool = False
    begun_at: datetime | None = None
    unsettled: float = 0.0
    region: str = ""

    @property
    def content(self) -> DerivedContent:
        """The definition's stored content. Raises ``StepFailed`` when there is none."""
        if self.definition.status.content is None:
            raise StepFailed("NoContent", "The definition has no stored content.", elsewhere=False)
        return self.definition.status.content

    @property
    def cml(self) -> CmlTarget:
        """The worker's CML. Raises ``StepFailed`` when the worker is gone."""
        if self.target is None:
            raise StepFailed("WorkerLost", "The worker is gone.", elsewhere=True)
        return self.target

    @property
    def host(self) -> str:
        """Where the ports of the lab are reached."""
        return self.cml.endpoint.split("://", 1)[-1].rsplit(":", 1)[0].rstrip("/").strip("[]")

    def output(self, step: str, name: str) -> str:
        """An output of an earlier step, empty when there is none."""
        return self.outputs.get(step, {}).get(name, "")


StepAction = Callable[[StepContext], Awaitable[StepResult]]
Undo = Callable[[StepContext], Awaitable[None]]
Skip = Callable[[StepContext], str]


def never(context: StepContext) -> str:
    """No reason to skip."""
    del context
    return ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``skip`` answers why the step is not needed, empty when it is. ``timeout_seconds`` bounds one try.

    ``needs`` names earlier steps; where one of them was skipped or passed over, so is this one. ``effects`` says that
    the step changes the outside world, so its intent is stored before it runs. A failure of an ``optional`` step is
    noted and passed over; ``degrades`` says so for a system that does not answer, but not for one that refuses.
    ``once`` says that the outside would make a second thing if it was asked again: see ``settling``.
    ``attempts`` replaces the platform's number of tries.
    """

    name: str
    run: StepAction
    undo: Undo | None = None
    skip: Skip = never
    needs: tuple[str, ...] = ()
    effects: bool = True
    optional: bool = False
    degrades: bool = False
    once: bool = False
    attempts: int | None = None
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in their order; what a step needs stands before it."""

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a name that appears twice or a need that does not come before."""
        seen: set[str] = set()
        for step in self.steps:
            missing = set(step.needs) - seen
            if step.name in seen or missing:
                raise ValueError(f"pipeline {self.name}, step {step.name}: doubled, or needs {sorted(missing)} before")
            seen.add(step.name)

    def since(self, name: str) -> tuple[Step, ...]:
        """The step of that name and all after it; every step for a name it does not have."""
        names = [step.name for step in self.steps]
        return self.steps[names.index(name) :] if name in names else self.steps
