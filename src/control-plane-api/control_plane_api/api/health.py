"""Is the process alive, has it started, can it serve? Readiness names each store that is missing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lcm_core.contracts.platform import HealthView
from lcm_core.observability.metrics import render_metrics

CHECK_SECONDS = 2.0
FRESH_SECONDS = 1.0
GOOD = "ok"

Check = Callable[[], Awaitable[str]]
"""Answers ``ok`` or one sentence about what is wrong; may raise."""


@dataclass
class Health:
    """Runs the checks together, at most once a second."""

    checks: Mapping[str, Check]
    started: Callable[[], str]
    _asked_at: float = field(default=-1e9, init=False)
    _answer: HealthView = field(default_factory=lambda: HealthView(status="unknown"), init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def ready(self) -> HealthView:
        """The state of every dependency."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at > FRESH_SECONDS:
                found = await asyncio.gather(*(self._run(check) for check in self.checks.values()))
                checks = dict(zip(self.checks, found, strict=True))
                good = all(result == GOOD for result in found)
                self._answer = HealthView(status="ready" if good else "not ready", checks=checks)
                self._asked_at = asyncio.get_running_loop().time()
            return self._answer

    @staticmethod
    async def _run(check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await check()
        except TimeoutError:
            return f"no answer within {CHECK_SECONDS:g} s"
        except Exception as error:  # whatever a driver raises is the answer to "what is wrong?"
            return f"{type(error).__name__}: {str(error)[:200]}"

    def routes(self) -> list[Route]:
        """The pages, for the main application."""

        async def live(_: Request) -> Response:
            return _json(HealthView(status="live"), 200)

        async def ready(_: Request) -> Response:
            answer = await self.ready()
            return _json(answer, 200 if answer.status == "ready" else 503)

        async def started(_: Request) -> Response:
            waits_for = self.started()
            if waits_for:
                return _json(HealthView(status="starting", checks={"start": waits_for}), 503)
            return _json(HealthView(status="started"), 200)

        async def metrics(_: Request) -> Response:
            body, content_type = render_metrics()
            return Response(body, media_type=content_type)

        return [
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/health/started", started),
            Route("/metrics", metrics),
        ]


def _json(view: HealthView, status: int) -> Response:
    return Response(view.model_dump_json(), status, media_type="application/json")
