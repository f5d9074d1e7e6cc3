"""Refusals that protect sessions from machine operations."""

from datetime import timedelta

from control_plane_api.application.errors import ConflictError
from control_plane_api.application.ports import Deps
from control_plane_api.domain.worker.worker import Worker

IMMINENT = timedelta(minutes=30)
"""A claim that starts this soon counts as in use: stopping now would only mean starting again."""


async def refuse_if_sessions_harmed(deps: Deps, worker: Worker, what: str) -> None:
    """Raise ``ConflictError`` when live or imminent claims stand on the worker, naming the sessions."""
    now = deps.clock.now()
    claims = await deps.claims.of_worker(worker.key, now, now + IMMINENT)
    if not claims:
        return
    names = ", ".join(claim.session_id for claim in claims[:5])
    raise ConflictError(
        "SessionsInUse",
        f"Worker {worker.spec.name} has {len(claims)} live or imminent sessions ({names}); "
        f"{what} would harm them. Drain it, or end them first.",
        {"current_state": worker.phase, "sessions": [claim.session_id for claim in claims[:20]]},
    )
