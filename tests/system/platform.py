"""A running platform as its users see it: REST with a person's token, and the delivery system's page."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from lcm_core.clients.http import ApiClient, RetryPolicy
from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import ArtifactView, CreateDefinition, DefinitionView
from lcm_core.contracts.sessions import LaunchView, ReserveSession, ScoreReportView, SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import DefinitionPhase, SessionPhase
from lcm_simulators.world import World

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from demo_parts.learner import Learner  # noqa: E402
from demo_parts.package import Package  # noqa: E402

ResultT = TypeVar("ResultT")
PATIENCE_SECONDS = 90.0
# A process that was just killed comes back within seconds; a user's client would try again too.
_PATIENT = RetryPolicy(attempts=30, first_pause=0.1, longest_pause=1.0)


async def until(
    what: str, look: Callable[[], Awaitable[ResultT | None]], within_seconds: float = PATIENCE_SECONDS
) -> ResultT:
    """The first answer that is not None. Fails the test with ``what`` when none comes in time."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within {within_seconds:g} s: {what}")


class Platform:
    """One running world and a person who uses it."""

    def __init__(self, world: World, api: ApiClient, token: str) -> None:
        self.world = world
        self.api = api
        self.token = token

    async def define(self, package: Package, **changes: object) -> DefinitionView:
        """Upload a package, declare a definition of it and wait for the verdict."""
        artifact = await self.api.upload(
            "/api/artifacts",
            filename=f"{package.slug}.zip",
            content_type="application/zip",
            content=package.content,
            response=ArtifactView,
        )
        body = CreateDefinition.model_validate(
            {
                "name": package.slug,
                "form_qualified_name": f"Test LCM {package.slug} LAB 1.0 a",
                "title": package.title,
                "artifact_id": artifact.id,
                "graded": package.graded,
                **changes,
            }
        )
        made = await self.api.call("POST", "/api/lablet-definitions", body=body, response=DefinitionView)

        async def checked() -> DefinitionView | None:
            path = f"/api/lablet-definitions/{made.id}"
            seen = await self.api.call("GET", path, response=DefinitionView)
            waiting = seen.status.phase is DefinitionPhase.PENDING_SYNC and not seen.status.sync.errors
            return None if waiting else seen

        return await until(f"a verdict on {package.slug}", checked)

    async def reserve(self, definition: DefinitionView, minutes: int = 60) -> SessionView:
        """Reserve a session as soon as possible."""
        body = ReserveSession(definition_id=definition.id, as_soon_as_possible=True, duration_minutes=minutes)
        return await self.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)

    async def session(self, session_id: str) -> SessionView:
        """The session as it is now."""
        return await self.api.call("GET", f"/api/lablet-sessions/{session_id}", response=SessionView)

    async def reach(
        self, session_id: str, *phases: SessionPhase, within_seconds: float = PATIENCE_SECONDS
    ) -> SessionView:
        """Wait for one of the phases. Fails at once, with the reason, when the session ended before."""
        seen = await self.session(session_id)

        async def there() -> SessionView | None:
            nonlocal seen
            seen = await self.session(session_id)
            if seen.status.phase in phases:
                return seen
            if seen.status.phase is SessionPhase.TERMINATED:
                raise AssertionError(f"ended as {seen.status.outcome}: {seen.status.message}")
            return None

        try:
            return await until(f"{session_id} {' or '.join(phases)}", there, within_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen.status.phase}: {seen.status.message}") from error

    async def learner(self, session_id: str) -> Learner:
        """A learner with the session's launch link."""
        link = await self.api.call("GET", f"/api/lablet-sessions/{session_id}/launch", response=LaunchView)
        return Learner(link.url)

    async def play(self, session_id: str, within_seconds: float = PATIENCE_SECONDS) -> SessionView:
        """Be the learner from READY to the end; the terminated session."""
        await self.reach(session_id, SessionPhase.READY, SessionPhase.RUNNING, within_seconds=within_seconds)
        learner = await self.learner(session_id)
        await learner.start()
        await self.reach(session_id, SessionPhase.RUNNING, within_seconds=within_seconds)
        await learner.finish()
        return await self.reach(session_id, SessionPhase.TERMINATED, within_seconds=within_seconds)

    async def score(self, session_id: str) -> ScoreReportView:
        """The stored score report."""
        path = f"/api/lablet-sessions/{session_id}/score-report"
        return await self.api.call("GET", path, response=ScoreReportView)

    async def workers(self) -> list[WorkerView]:
        """Every worker."""
        page: Page[WorkerView] = await self.api.call(
            "GET", "/api/workers", params={"limit": "200"}, response=Page[WorkerView]
        )
        return page.items


@asynccontextmanager
async def signed_in(world: World, username: str = "admin") -> AsyncIterator[Platform]:
    """The platform as one person uses it."""
    url = world.url("control-plane")
    async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
        answer = await http.post(f"{url}/api/auth/login", json={"username": username, "password": "test"})
        answer.raise_for_status()
        token = answer.json()["access_token"]
    async with ApiClient(
        url, name="the platform", headers=lambda: {"Authorization": f"Bearer {token}"}, retry=_PATIENT
    ) as api:
        yield Platform(world, api, token)
