"""The engine that runs pipelines: from the stored progress on, step by step, and backwards to undo."""

import asyncio
from dataclasses import dataclass

from lablet_controller.pipeline.model import Pipeline, Step, StepContext, StepFailed, StepResult
from lablet_controller.pipeline.progress import ENDED, Progress
from lablet_controller.pipeline.settling import asked_in_vain, before_asking, given_up
from lcm_core.content.errors import ContentRefused
from lcm_core.controller import RetryableError
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import StepState
from lcm_core.spi.errors import OutsideError, OutsideRefused, OutsideUnavailable, OutsideUnheard

REASON, ELSEWHERE = "failure_reason", "failure_elsewhere"
"""Outputs in which a failed step says why, and whether another worker might do better."""

UNANSWERED = "Passed over for now, it is tried again:"
"""How the message of a step begins whose system did not answer, and without which the lab is ready all the same."""


@dataclass(frozen=True, slots=True)
class Waits:
    """A step is not finished; look again after so many real seconds."""

    after: float
    message: str


class PipelineRunner:
    """Runs one pipeline of one session.

    Args:
        attempts: tries of a step whose failures may pass, before it counts as failed.
        first_pause, longest_pause: real seconds between tries, doubling.
        settling: says how long a call that nobody hears of may yet have its effect.
    """

    def __init__(
        self, pipeline: Pipeline, *, attempts: int, first_pause: float, longest_pause: float, settling: Settling
    ) -> None:
        self._pipeline = pipeline
        self._attempts = attempts
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._settling = settling

    async def run(self, context: StepContext, progress: Progress) -> Waits | None:
        """Go on until the end (None) or a wait.

        Raises ``StepFailed`` after the failure was stored, ``RetryableError`` for a failure that may pass, and
        ``WishChanged``. The last step's end is left to the caller to store.
        """
        for step in self._pipeline.steps:
            stored = progress.step(step.name)
            if stored.state in ENDED:
                continue
            context.outputs = progress.outputs
            skip = self._unneeded(step, progress) or step.skip(context)
            if skip:
                progress.end(step.name, StepState.SKIPPED, skip)
                continue
            result = await self._try(step, context, progress)
            if result.wait is not None:
                stored.message = result.message
                await progress.save(result.message)
                return Waits(result.wait, result.message)
            state = StepState.SKIPPED if result.passed_over else StepState.DONE
            progress.end(step.name, state, result.message, result.outputs)
            progress.lab = result.lab or progress.lab
        return None

    @staticmethod
    def _unneeded(step: Step, progress: Progress) -> str:
        """Why a step makes no sense, empty when what it needs is there."""
        absent = [need for need in step.needs if progress.step(need).state is StepState.SKIPPED]
        return f"Step {absent[0]}, which it needs, was skipped." if absent else ""

    async def _try(self, step: Step, context: StepContext, progress: Progress) -> StepResult:
        await self._intend(step, context, progress)
        try:
            async with asyncio.timeout(step.timeout_seconds):
                return await step.run(context)
        except StepFailed as error:
            return await self._failed(step, progress, error)
        except ContentRefused as error:
            return await self._failed(step, progress, StepFailed("ContentInvalid", str(error), elsewhere=False))
        except OutsideRefused as error:
            reason = f"{_word(step.name)}Refused"
            return await self._failed(step, progress, StepFailed(reason, str(error), elsewhere=True))
        except (OutsideUnavailable, TimeoutError) as error:
            return await self._passing(step, progress, error)

    async def _intend(self, step: Step, context: StepContext, progress: Progress) -> None:
        """Store that a step with effects is about to have them."""
        stored = progress.step(step.name)
        context.attempted = stored.state is StepState.RUNNING
        if not context.attempted:
            progress.begin(step.name, stored.message)
        context.begun_at, context.unsettled = stored.started_at, 0.0
        if step.once:
            context.unsettled = before_asking(stored, self._settling, context.session.id, attempted=context.attempted)
        if step.effects:
            await progress.save(f"Step {step.name} runs.")

    def _in_vain(self, step: Step, progress: Progress, error: Exception) -> None:
        if step.once:
            unheard = isinstance(error, (OutsideUnheard, TimeoutError))
            asked_in_vain(progress.step(step.name), unheard=unheard)

    async def _passing(self, step: Step, progress: Progress, error: Exception) -> StepResult:
        """A failure that may pass: count it, and give up after enough tries."""
        sentence = str(error) or f"step {step.name} did not end within {step.timeout_seconds:g} s"
        stored = progress.step(step.name)
        self._in_vain(step, progress, error)
        if stored.attempts >= (step.attempts or self._attempts):
            if step.degrades:
                return StepResult(f"{UNANSWERED} {sentence}"[:2000], passed_over=True)
            reason = f"{_word(step.name)}Unavailable"
            failure = StepFailed(reason, f"After {stored.attempts} tries: {sentence}", elsewhere=True)
            return await self._failed(step, progress, failure)
        pause = min(self._longest_pause, self._first_pause * 2 ** (stored.attempts - 1))
        stored.attempts += 1
        stored.message = f"Try {stored.attempts} follows: {sentence}"[:2000]
        await progress.save(stored.message, "Retrying")
        raise RetryableError("StepRetries", stored.message, after=pause) from error

    async def _failed(self, step: Step, progress: Progress, failure: StepFailed) -> StepResult:
        self._in_vain(step, progress, failure)
        if step.optional:
            return StepResult(f"Passed over: {failure.sentence}"[:2000], passed_over=True)
        outputs = {REASON: failure.reason, ELSEWHERE: "true" if failure.elsewhere else ""}
        progress.end(step.name, StepState.FAILED, failure.sentence, outputs)
        await progress.save(failure.sentence, failure.reason)
        raise failure

    async def undo(self, context: StepContext, progress: Progress, *, since: str = "") -> None:
        """Undo, last step first and back to ``since``, whatever may have had effects. Raises ``RetryableError`` where
        that is not possible now; what was undone is stored, so a repetition goes on from there.
        """
        context.outputs = progress.outputs
        for step in reversed(self._pipeline.since(since)):
            stored = progress.step(step.name)
            untouched = stored.state is StepState.SKIPPED and not stored.attempts
            if untouched or stored.state in (StepState.PENDING, StepState.COMPENSATED):
                continue
            if step.once:
                given_up(stored)
            if step.undo is not None:
                try:
                    await step.undo(context)
                except OutsideError as error:
                    raise RetryableError("CompensationWaits", f"Step {step.name} cannot be undone: {error}") from error
            progress.end(step.name, StepState.COMPENSATED, stored.message)


def _word(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
