"""The stored progress of one pipeline run: every change of it goes through here and is told to the control plane."""

from collections.abc import Iterable, Mapping

from lablet_controller.pipeline.model import Pipeline
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import Conflict, StaleTerm
from lcm_core.clock import DomainClock
from lcm_core.contracts.sessions import LabRef, PipelineState, PipelineStep, ReportSession, SessionView
from lcm_core.domain.vocabulary import CallState, StepState

ENDED = frozenset({StepState.DONE, StepState.SKIPPED})


class WishChanged(Exception):
    """The owner wants something else meanwhile: decide again from the start."""


def fresh_state(pipeline: Pipeline, run: int) -> PipelineState:
    """A run in which nothing has happened."""
    return PipelineState(name=pipeline.name, run=run, steps=[PipelineStep(name=step.name) for step in pipeline.steps])


class Progress:
    """Progress of the pipeline of one session."""

    def __init__(
        self, session: SessionView, state: PipelineState, control_plane: ControlPlaneClient, clock: DomainClock
    ) -> None:
        self._session = session
        self._control_plane = control_plane
        self._clock = clock
        self._saved = state.model_copy(deep=True)
        self.state = state.model_copy(deep=True)
        self.lab: LabRef | None = None
        """The lab as the last step left it, stored with the next progress."""

    def step(self, name: str) -> PipelineStep:
        """The stored step of a name, added when an older run did not have it."""
        for step in self.state.steps:
            if step.name == name:
                return step
        self.state.steps.append(PipelineStep(name=name))
        return self.state.steps[-1]

    @property
    def outputs(self) -> dict[str, Mapping[str, str]]:
        """Outputs of every step."""
        return {step.name: step.outputs for step in self.state.steps}

    def begin(self, name: str, message: str = "") -> None:
        """A try of a step begins."""
        step = self.step(name)
        step.state = StepState.RUNNING
        step.attempts += 1
        step.started_at = step.started_at or self._clock.now()
        step.message = message

    def end(self, name: str, state: StepState, message: str, outputs: Mapping[str, str] | None = None) -> None:
        """A step is over."""
        step = self.step(name)
        step.state = state
        step.message = message[:2000]
        step.ended_at = self._clock.now()
        if state is StepState.DONE and step.call is not CallState.NONE:
            step.call = CallState.ANSWERED
        if outputs is not None:
            step.outputs = {**step.outputs, **outputs}

    def renew(self, names: Iterable[str]) -> None:
        """As if these steps had never been begun; what they asked for may still come."""
        fresh = {name: PipelineStep(name=name, call=self.step(name).call) for name in names}
        self.state.steps = [fresh.get(step.name, step) for step in self.state.steps]

    async def save(self, message: str, reason: str = "Progressing", *, clear: bool = False) -> None:
        """Store the progress; ``clear`` says that the lab and the delivery session were given back.

        Raises ``WishChanged`` when the specification changed since the session was read, or its place was taken away.
        """
        if self.state == self._saved and self.lab is None:
            return
        body = ReportSession(pipeline=self.state, message=message[:2000], reason=reason, lab=self.lab, clear_lab=clear)
        try:
            written = await self._control_plane.report_session(self._session.id, body)
        except StaleTerm:
            raise
        except Conflict as error:
            raise WishChanged from error
        self._saved, self.lab = self.state.model_copy(deep=True), None
        if written.generation != self._session.generation or written.phase != self._session.status.phase:
            raise WishChanged
