"""When may be asked again for what the outside would make twice?

Some systems make a second thing when they are asked a second time, and a lookup finds only what is there already. A
call whose answer did not come, or whose caller died or lost its lead, may have its effect after the lookup. So such a
step keeps what is known of its last call, and announces each call before it makes it.
"""

from lcm_core.contracts.sessions import PipelineStep
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import CallState, StepState


def unsettled(step: PipelineStep) -> bool:
    """Whether a call of the step may yet have its effect."""
    return step.call in (CallState.MADE, CallState.UNHEARD)


def before_asking(step: PipelineStep, settling: Settling, owner: str, *, attempted: bool) -> float:
    """Real seconds until the step may ask; announces the call when it may. What it notes is stored before it goes on.

    Args:
        owner: the session whose step it is.
        attempted: whether an earlier attempt began the step and did not end it.
    """
    if step.call is CallState.MADE or (attempted and step.call is CallState.NONE):
        step.call = CallState.UNHEARD
    if step.call is CallState.UNHEARD:
        remaining = settling.remaining(owner, step.name)
        if remaining > 0:
            return remaining
    settling.over(owner, step.name)
    step.call = CallState.MADE
    return 0.0


def asked_in_vain(step: PipelineStep, *, unheard: bool) -> None:
    """A try failed; an answer that came, even of failure, says that nothing follows."""
    if step.call is CallState.MADE:
        step.call = CallState.UNHEARD if unheard else CallState.ANSWERED


def given_up(step: PipelineStep) -> None:
    """The step is undone, whatever state it was in."""
    if step.state is StepState.RUNNING:
        asked_in_vain(step, unheard=True)
