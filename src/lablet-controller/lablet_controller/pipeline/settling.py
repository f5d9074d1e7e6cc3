"""When may be asked again for what the outside would make twice?

Some systems make a second thing when they are asked a second time, and a lookup finds only what is there already. A
call whose answer did not come, or whose caller died or lost its lead, may have its effect after the lookup. So such a
step notes, until when earlier calls may take: ``PipelineStep.settles_at``. While it runs without such an instant, a
call may be under way; that is stored before each call. Whoever finds that counts from the moment of finding it.
"""

from datetime import datetime, timedelta

from lcm_core.contracts.sessions import PipelineStep
from lcm_core.domain.vocabulary import StepState


def may_ask(step: PipelineStep, now: datetime, settling: timedelta, *, attempted: bool) -> bool:
    """Whether every earlier call has had its effect; notes what is to be stored before the step goes on.

    Args:
        settling: how long a call may take to have its effect, in domain time.
        attempted: whether an earlier attempt began the step and did not end it.
    """
    if attempted and step.settles_at is None:
        step.settles_at = now + settling
    if step.settles_at is not None:
        # Further away than that it can only be after the clock was set back.
        step.settles_at = min(step.settles_at, now + settling)
        if now < step.settles_at:
            return False
    step.settles_at = None
    return True


def asked_in_vain(step: PipelineStep, now: datetime, settling: timedelta, *, unheard: bool) -> None:
    """A try failed; an answer that came, even of failure, says that nothing follows."""
    if step.settles_at is None:
        step.settles_at = now + (settling if unheard else timedelta(0))


def given_up(step: PipelineStep, now: datetime, settling: timedelta) -> None:
    """The step is undone, whatever state it was in."""
    if step.state is StepState.RUNNING:
        asked_in_vain(step, now, settling, unheard=True)


def settles_at(step: PipelineStep, left_at: datetime, settling: timedelta) -> datetime | None:
    """When everything the step asked for has had its effect; None when its answer was heard or nothing was asked.

    Args:
        left_at: when nobody worked on the step any more, for one that was left amid a call.
    """
    if step.state is StepState.RUNNING and step.settles_at is None:
        return left_at + settling
    return step.settles_at
