#!/usr/bin/env python3
"""Run one lab from upload to score on a running platform: ``make demo TOPOLOGY=lab.yaml [RUBRIC=rubric.yaml]``.

Uses the public REST API as any automation would, and the delivery system's page as the learner would. Exits 0 when the
session ended with a score (or, for a lab without anything to grade, completed), 1 after one message otherwise.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from demo_parts.learner import Learner
from demo_parts.package import DemoError, Package, make_package
from demo_parts.progress import Progress, print_report, session_note
from pydantic import BaseModel

from lcm_core.clients.errors import ApiError, Conflict
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.definitions import ArtifactView, CreateDefinition, DefinitionView
from lcm_core.contracts.sessions import LaunchView, ReserveSession, ScoreReportView, SessionView
from lcm_core.domain.vocabulary import DefinitionPhase, SessionOutcome, SessionPhase

ResultT = TypeVar("ResultT")
POLL_SECONDS = 0.5
MINUTES = 60.0


class LoginAnswer(BaseModel):
    """What the platform answers to a user name and password."""

    access_token: str


class Demo:
    """One run."""

    def __init__(self, api: ApiClient, progress: Progress, limit_seconds: float) -> None:
        self._api = api
        self._progress = progress
        self._deadline = time.monotonic() + limit_seconds

    async def run(self, package: Package, duration_minutes: int) -> ScoreReportView | None:
        """Upload, define, reserve, learn, grade; the score report, None for a lab without a rubric."""
        definition = await self._define(package)
        self._progress.show("reserve")
        body = ReserveSession(
            definition_id=definition.id, as_soon_as_possible=True, duration_minutes=duration_minutes, note="make demo"
        )
        session = await self._api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)
        session = await self._until(session.id, {SessionPhase.READY, SessionPhase.RUNNING})
        launch = await self._api.call("GET", f"/api/lablet-sessions/{session.id}/launch", response=LaunchView)
        learner = Learner(launch.url)
        await learner.start()
        session = await self._until(session.id, {SessionPhase.RUNNING})
        await learner.finish()
        session = await self._until(session.id, {SessionPhase.TERMINATED})
        self._progress.close()
        if session.status.outcome is not SessionOutcome.COMPLETED:
            raise DemoError(f"the session ended as {session.status.outcome}: {session.status.message}")
        if not package.graded:
            return None
        path = f"/api/lablet-sessions/{session.id}/score-report"
        return await self._api.call("GET", path, response=ScoreReportView)

    async def _define(self, package: Package) -> DefinitionView:
        self._progress.show("upload", f"{len(package.content) / 1024:.0f} KiB, {package.nodes} nodes")
        artifact = await self._api.upload(
            "/api/artifacts",
            filename=f"{package.slug}.zip",
            content_type="application/zip",
            content=package.content,
            response=ArtifactView,
        )
        definition = await self._create(package, artifact.id)

        async def look() -> DefinitionView | None:
            path = f"/api/lablet-definitions/{definition.id}"
            seen = await self._api.call("GET", path, response=DefinitionView)
            self._progress.show("check content", seen.status.message)
            if seen.status.phase is DefinitionPhase.PENDING_SYNC and not seen.status.sync.errors:
                return None
            return seen

        checked = await self._poll("the content was not checked in time", look)
        if checked.status.phase is not DefinitionPhase.ACTIVE:
            errors = "; ".join(f"{error.file}:{error.line} {error.message}" for error in checked.status.sync.errors)
            raise DemoError(f"the content was refused: {errors or checked.status.message}")
        return checked

    async def _create(self, package: Package, artifact_id: str) -> DefinitionView:
        """Declare the next free version: an earlier demo of the same topology left its own."""
        for patch in range(1, 1000):
            body = CreateDefinition(
                name=f"demo-{package.slug}",
                semantic_version=f"1.0.{patch}",
                form_qualified_name=f"Demo LCM {package.slug} LAB 1.0 {patch:03d}",
                title=package.title,
                artifact_id=artifact_id,
                graded=package.graded,
            )
            try:
                return await self._api.call("POST", "/api/lablet-definitions", body=body, response=DefinitionView)
            except Conflict as error:
                if error.code != "VersionTaken":
                    raise
        raise DemoError("a thousand versions of this demo exist; archive some or use a fresh data folder")

    async def _until(self, session_id: str, phases: set[SessionPhase]) -> SessionView:
        """Follow a session until one of the phases; raises ``DemoError`` when it ends before."""

        async def look() -> SessionView | None:
            session = await self._api.call("GET", f"/api/lablet-sessions/{session_id}", response=SessionView)
            phase = session.status.phase
            self._progress.show(str(phase), session_note(session))
            if phase in phases:
                return session
            if phase is SessionPhase.TERMINATED:
                self._progress.close()
                raise DemoError(f"the session ended as {session.status.outcome}: {session.status.message}")
            return None

        wanted = " or ".join(sorted(phases))
        return await self._poll(f"the session was not {wanted} in time", look)

    async def _poll(self, too_late: str, look: Callable[[], Awaitable[ResultT | None]]) -> ResultT:
        while time.monotonic() < self._deadline:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(POLL_SECONDS)
        self._progress.close()
        raise DemoError(too_late)


async def log_in(url: str, username: str, password: str) -> str:
    """A token for the platform's API."""
    async with ApiClient(url, name="the platform") as api:
        answer = await api.call(
            "POST", "/api/auth/login", body={"username": username, "password": password}, response=LoginAnswer
        )
    return answer.access_token


async def demonstrate(options: argparse.Namespace) -> None:
    """The whole demo. Raises ``DemoError`` or ``ApiError``."""
    package = make_package(Path(options.topology), Path(options.rubric) if options.rubric else None)
    token = await log_in(options.url, options.user, options.password)
    progress = Progress()
    graded = f"{package.checks} checks" if package.graded else "nothing to grade: no device has a host name of its own"
    print(f"{package.title}: {package.nodes} nodes, {graded}")
    async with ApiClient(
        options.url, name="the platform", headers=lambda: {"Authorization": f"Bearer {token}"}, timeout_seconds=30
    ) as api:
        report = await Demo(api, progress, options.limit_minutes * MINUTES).run(package, options.duration)
    if report is not None:
        print_report(report)
    print(f"\nDone in {progress.seconds:.0f} s.")


def main() -> int:
    """Parse the arguments and run; 1 after one clear message when something is wrong."""
    parser = argparse.ArgumentParser(description="Run one lab from upload to score on a running platform.")
    parser.add_argument("--topology", required=True, help="CML topology file (YAML)")
    parser.add_argument("--rubric", default="", help="grading rubric (YAML); default: one check per host name")
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('APP_PORT') or 8000}")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="test")
    parser.add_argument("--duration", type=int, default=60, help="minutes the lab may run")
    parser.add_argument("--limit-minutes", type=float, default=30, help="give up after so many real minutes")
    options = parser.parse_args()
    if not options.topology:
        parser.error("name a topology: make demo TOPOLOGY=path/to/lab.yaml")
    try:
        asyncio.run(demonstrate(options))
    except (DemoError, ApiError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
