"""One pass over what must hold: look, remember, ask a person where something is wrong, and take that back."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from control_plane_api.application.invariants.catalog import BY_NAME, INVARIANTS, violations
from control_plane_api.application.invariants.standing import Standing, judge
from control_plane_api.application.ports import Deps
from control_plane_api.application.task.system_tasks import close_task, open_task
from lcm_core.contracts.platform import CloseTask, OpenTask
from lcm_core.domain.vocabulary import TaskSeverity

log = logging.getLogger(__name__)

ACTOR = "system"
EXAMPLES = 8
DESCRIPTION_LIMIT = 2000


async def check_invariants(deps: Deps) -> str:
    """Answers one sentence. Raises what the stores raise; a pass that failed changes nothing it has not judged."""
    known = await deps.standing.all()
    picture = await deps.pictures.take()
    # Graces are real time: how long a write may be under way has nothing to do with the domain's clock.
    standing = judge(known, await asyncio.to_thread(violations, picture), datetime.now(UTC))
    # The tasks come first: after a crash in between, the next pass opens and closes the same ones again.
    await _tell(deps, known, standing)
    await deps.standing.replace(standing)
    counted = sum(1 for each in standing if each.counted)
    waiting = len(standing) - counted
    return (
        f"Checked {len(INVARIANTS)} invariants on {len(picture.sessions)} sessions, {len(picture.workers)} workers "
        f"and {len(picture.keys)} keys: {counted} violations, {waiting} to be seen again."
    )


async def _tell(deps: Deps, known: Sequence[Standing], standing: Sequence[Standing]) -> None:
    before = {(each.violation.invariant, each.violation.subject) for each in known if each.counted}
    for each in standing:
        if each.counted and (each.violation.invariant, each.violation.subject) not in before:
            log.error("Invariant %s does not hold: %s", each.violation.invariant, each.violation.sentence)
    for name in BY_NAME:
        sentences = [each.violation.sentence for each in standing if each.counted and each.violation.invariant == name]
        if sentences:
            await open_task(deps, _task(name, sentences), ACTOR)
        elif any(invariant == name for invariant, _ in before):
            body = CloseTask(dedup_key=_key(name), message="It holds again.")
            await close_task(deps, body, ACTOR)


def _task(name: str, sentences: Sequence[str]) -> OpenTask:
    more = [f"And {len(sentences) - EXAMPLES} more."] if len(sentences) > EXAMPLES else []
    return OpenTask(
        dedup_key=_key(name),
        title=f"Broken promise: {BY_NAME[name].promise}",
        description=" ".join([*sentences[:EXAMPLES], *more])[:DESCRIPTION_LIMIT],
        severity=TaskSeverity.CRITICAL,
        target_kind="invariant",
        target_id=name,
    )


def _key(name: str) -> str:
    return f"invariant-{name}"
