"""What the tests of the console presuppose; made over REST when it is not there yet."""

from dataclasses import replace
from pathlib import Path

from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.platform import CreateTask, TaskView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import SessionPhase, TaskSeverity
from tests.system.packages import two_routers
from tests.system.platform import Platform, until


async def a_definition(platform: Platform) -> DefinitionView:
    """The definition that every test may reserve."""
    page: Page[DefinitionView] = await platform.api.call(
        "GET", "/api/lablet-definitions", params={"limit": "200"}, response=Page[DefinitionView]
    )
    return next(definition for definition in page.items if definition.spec.name == "two-routers")


async def a_running_worker(platform: Platform) -> WorkerView:
    """A worker that takes sessions; launched when there is none."""

    async def look() -> WorkerView | None:
        return next((worker for worker in await platform.workers() if worker.status.schedulable), None)

    if await look() is None:
        reserved = await platform.reserve(await a_definition(platform))
        await platform.reach(reserved.id, SessionPhase.READY)
    return await until("a schedulable worker", look)


async def what_pages_show_seldom(platform: Platform, folder: Path) -> None:
    """A refused definition, an open task and bookings too short to be drawn to scale."""
    refused = replace(two_routers(folder), slug="refused", title="Refused", content=b"this is no archive")
    await platform.define(refused)
    task = CreateTask(title="Look at rack nine", severity=TaskSeverity.CRITICAL)
    await platform.api.call("POST", "/api/tasks", body=task, response=TaskView)
    for _ in range(3):
        await platform.reserve(await a_definition(platform), minutes=15)
