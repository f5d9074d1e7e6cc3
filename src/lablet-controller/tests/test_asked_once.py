"""What the outside would make twice is asked for again only when earlier calls have had their effect."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_lablet_session_decisions import NOW, session

from lablet_controller.pipeline.model import Pipeline, Step, StepContext, StepFailed, StepResult
from lablet_controller.pipeline.progress import Progress, fresh_state
from lablet_controller.pipeline.runner import PipelineRunner, Waits
from lcm_core.clock import ManualClock
from lcm_core.contracts.sessions import PipelineState
from lcm_core.controller import RetryableError
from lcm_core.controller.leadership import Leadership, reconcile_context
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import CallState, SessionPhase, StepState
from lcm_core.spi.errors import OutsideError, OutsideRefused, OutsideUnavailable, OutsideUnheard

SETTLING = 30.0  # s
LOOKED_FOR = "It is looked for once more."


class World:
    """A remote that makes a thing whenever it is asked, a control plane that keeps what it is told, and their clock.

    ``failures`` is what becomes of the next calls; what comes late is put among the ``things`` by the test.
    """

    def __init__(self) -> None:
        self.time = ManualClock(NOW)
        self.another_process()
        self.things: list[str] = []
        self.calls = 0
        self.failures: list[BaseException | None] = []
        self.stored: PipelineState | None = None
        self.amid: list[PipelineState | None] = []
        self.view = session(SessionPhase.INSTANTIATING)
        self.undone = 0

    async def report_session(self, session_id: str, body: Any) -> Any:
        del session_id
        self.stored = body.pipeline.model_copy(deep=True)
        return SimpleNamespace(generation=self.view.generation, phase=self.view.status.phase)

    async def make(self, context: StepContext) -> StepResult:
        if self.things:
            return StepResult("Adopted.", {"thing": self.things[0]})
        if context.unsettled:
            return StepResult(LOOKED_FOR, wait=context.unsettled)
        self.calls += 1
        self.amid.append(self.stored)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.things.append(f"thing-{self.calls}")
        return StepResult("Made.", {"thing": self.things[0]})

    async def remove(self, context: StepContext) -> None:
        del context
        self.undone += 1
        self.things.clear()

    def another_process(self) -> None:
        """What was kept in memory is lost."""
        self.settling = Settling(SETTLING, self.time)

    async def run(self, act: Callable[[PipelineRunner, StepContext, Progress], Awaitable[Any]] | None = None) -> Any:
        """One reconcile by a process that knows only what is stored."""
        pipeline = Pipeline("p", (Step("thing", self.make, undo=self.remove, once=True),))
        runner = PipelineRunner(pipeline, attempts=3, first_pause=1.0, longest_pause=1.0, settling=self.settling)
        context = StepContext(
            deps=cast("Any", None),
            session=self.view,
            placement=cast("Any", None),
            worker=None,
            target=None,
            definition=cast("Any", None),
        )
        progress = Progress(
            self.view, self.stored or fresh_state(pipeline, 1), cast("Any", self), cast("Any", self.time)
        )
        try:
            return await (act(runner, context, progress) if act else runner.run(context, progress))
        finally:
            if act is None and self.things:
                await progress.save("Done.")

    @property
    def step(self) -> Any:
        assert self.stored is not None
        return self.stored.steps[0]


class Killed(BaseException):
    """The process ends amid its call."""


def failed(error: type[OutsideError]) -> OutsideError:
    return error("the remote", "as the test has it")


async def test_an_answer_of_failure_is_followed_by_another_try_at_once() -> None:
    world = World()
    world.failures = [failed(OutsideUnavailable)]
    with pytest.raises(RetryableError):
        await world.run()
    assert await world.run() is None
    assert world.calls == 2
    assert (world.step.state, world.step.call) == (StepState.DONE, CallState.ANSWERED)


@pytest.mark.parametrize("end", [failed(OutsideUnheard), TimeoutError(), Killed()], ids=lambda end: type(end).__name__)
async def test_a_call_without_an_answer_is_looked_for_until_it_has_settled(end: BaseException) -> None:
    world = World()
    world.failures = [end]
    with pytest.raises((RetryableError, Killed)):
        await world.run()
    first = await world.run()
    assert first == Waits(SETTLING, LOOKED_FOR)
    world.time.advance(SETTLING - 1)
    assert await world.run() == Waits(1.0, LOOKED_FOR)
    assert world.calls == 1
    world.time.advance(1)
    assert await world.run() is None
    assert world.calls == 2


async def test_what_comes_late_is_adopted() -> None:
    world = World()
    world.failures = [failed(OutsideUnheard)]
    with pytest.raises(RetryableError):
        await world.run()
    world.time.advance(5)
    world.things = ["late"]
    assert await world.run() is None
    assert world.calls == 1
    assert world.step.outputs == {"thing": "late"}
    assert world.step.call is CallState.ANSWERED


async def test_each_call_is_announced_before_it_is_made() -> None:
    world = World()
    world.failures = [failed(OutsideUnavailable), failed(OutsideUnheard), None]
    for _ in range(2):
        with pytest.raises(RetryableError):
            await world.run()
    await world.run()
    world.time.advance(SETTLING)
    assert await world.run() is None
    assert len(world.amid) == 3
    for stored in world.amid:
        assert stored is not None
        assert (stored.steps[0].state, stored.steps[0].call) == (StepState.RUNNING, CallState.MADE)


async def test_each_process_waits_for_itself() -> None:
    """A successor cannot know how long another has waited, nor what it asked for since."""
    world = World()
    world.failures = [Killed()]
    with pytest.raises(Killed):
        await world.run()
    for _ in range(2):
        world.time.advance(SETTLING)
        world.another_process()
        assert await world.run() == Waits(SETTLING, LOOKED_FOR)
    world.time.advance(SETTLING)
    assert await world.run() is None
    assert world.calls == 2


async def test_a_leader_that_comes_back_waits_anew() -> None:
    """Another may have led, and called, in between."""
    world = World()
    world.failures = [failed(OutsideUnheard)]
    with pytest.raises(RetryableError):
        await world.run()
    assert await world.run() == Waits(SETTLING, LOOKED_FOR)
    world.time.advance(SETTLING)
    leadership = Leadership("lablet-controller", 0, "me", world.time, world.time.monotonic() + 1000)
    with reconcile_context("s1", leadership):
        world.time.advance(10)
        assert await world.run() == Waits(SETTLING - 10, LOOKED_FOR)
        world.time.advance(20)
        assert await world.run() is None


async def test_a_second_call_without_an_answer_is_waited_for_from_its_own_time_on() -> None:
    world = World()
    world.failures = [failed(OutsideUnheard), failed(OutsideUnheard)]
    for _ in range(2):
        with pytest.raises(RetryableError):
            await world.run()
        assert await world.run() == Waits(SETTLING, LOOKED_FOR)
        world.time.advance(SETTLING)
    assert await world.run() is None
    assert world.calls == 3


async def test_a_build_from_a_step_on_waits_for_what_the_build_before_asked_for() -> None:
    world = World()
    world.failures = [Killed()]
    with pytest.raises(Killed):
        await world.run()

    async def again(runner: PipelineRunner, context: StepContext, progress: Progress) -> None:
        await runner.undo(context, progress)
        progress.renew(["thing"])
        await progress.save("Built again.")

    await world.run(again)
    assert world.undone == 1
    assert (world.step.state, world.step.attempts) == (StepState.PENDING, 0)
    assert await world.run() == Waits(SETTLING, LOOKED_FOR)
    world.time.advance(SETTLING)
    assert await world.run() is None
    assert world.calls == 2


async def test_a_refusal_ends_the_step_and_nothing_is_waited_for() -> None:
    world = World()
    world.failures = [failed(OutsideRefused)]
    with pytest.raises(StepFailed):
        await world.run()
    assert world.step.state is StepState.FAILED
    assert world.step.call is CallState.ANSWERED


async def test_the_last_try_without_an_answer_is_still_waited_for_when_it_is_undone() -> None:
    world = World()
    world.failures = [failed(OutsideUnavailable), failed(OutsideUnavailable), failed(OutsideUnheard)]
    for _ in range(2):
        with pytest.raises(RetryableError):
            await world.run()
    with pytest.raises(StepFailed):
        await world.run()

    async def undone(runner: PipelineRunner, context: StepContext, progress: Progress) -> None:
        await runner.undo(context, progress)
        await progress.save("Undone.")

    await world.run(undone)
    assert (world.step.state, world.step.call) == (StepState.COMPENSATED, CallState.UNHEARD)
