"""What surrounds every command and query: who does it, how long it takes, and a record of what was refused."""

import time
from dataclasses import replace
from functools import cache
from typing import Any

from neuroglia.mediation.pipeline_behavior import PipelineBehavior
from prometheus_client import Histogram

from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.base import BaseCommand
from control_plane_api.application.errors import ForbiddenError
from control_plane_api.application.mediation.mediator import Next
from control_plane_api.kernel.context import request_context, set_request_context

HANDLED = Histogram(
    "lcm_request_handling_seconds",
    "Time to handle a command or query",
    ["request", "result"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)


@cache
def _handled(name: str, result: str) -> Histogram:
    """One lookup less per request; the names are those of the request classes."""
    return HANDLED.labels(name, result)


class ContextBehavior(PipelineBehavior[Any, Any]):
    """Stamps the request context, from which events take actor, command and correlation id; measures the time."""

    async def handle_async(self, request: Any, next_handler: Next) -> Any:
        """See ``PipelineBehavior``."""
        name = type(request).__name__
        outer = request_context()
        principal = request.principal
        set_request_context(replace(outer, actor=principal.actor, command=name, department=principal.department))
        started, result = time.perf_counter(), "refused"
        try:
            answer = await next_handler()
            result = "done"
            return answer
        finally:
            _handled(name, result).observe(time.perf_counter() - started)
            set_request_context(outer)


class DeniedBehavior(PipelineBehavior[Any, Any]):
    """Records commands that authorization refused."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def handle_async(self, request: Any, next_handler: Next) -> Any:
        """See ``PipelineBehavior``."""
        try:
            return await next_handler()
        except ForbiddenError as error:
            if isinstance(request, BaseCommand):
                await self._audit.denied(request.principal, type(request).__name__, error.detail, _target(request))
            raise


def _target(request: object) -> str:
    """The id of the object a command is about, by the convention that its field ends in ``_id``."""
    for name in getattr(request, "__slots__", ()):
        if name.endswith("_id"):
            return str(getattr(request, name))
    return ""
