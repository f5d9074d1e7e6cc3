"""Every shared topology runs from upload to score, ten at a time, and the books of the outside world are clean."""

import asyncio
from pathlib import Path

import pytest

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.sessions import SessionView
from lcm_core.domain.vocabulary import SessionOutcome
from lcm_simulators.world import World
from tests.system import outside
from tests.system.packages import need_shared_labs, package_of
from tests.system.platform import Platform

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(600)]
AT_ONCE = 10


async def test_all_topologies_complete_ten_at_once_and_leave_nothing(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    labs = need_shared_labs()
    gate = asyncio.Semaphore(AT_ONCE)
    capacity = Oversight(platform)

    async def run(topology: Path) -> SessionView:
        package = package_of(topology, tmp_path)
        definition = await platform.define(package)
        assert definition.status.content is not None, f"{topology.name}: {definition.status.sync.errors}"
        async with gate:
            reserved = await platform.reserve(definition, minutes=240)
            ended = await platform.play(reserved.id, within_seconds=400)
            await capacity.check()
        assert ended.status.outcome is SessionOutcome.COMPLETED, f"{topology.name}: {ended.status.message}"
        if package.graded:
            report = await platform.score(reserved.id)
            assert report.score == report.max_score, f"{topology.name}: {report.sections}"
        return ended

    ended = await asyncio.gather(*(run(topology) for topology in labs))

    assert len(ended) == len(labs)
    assert outside.doubled_workers(world) == []
    states = await outside.lds_states(world, [session.id for session in ended])
    assert {session_id: state for session_id, state in states.items() if state != ["ARCHIVED"]} == {}
    left = await outside.labs_on_controllers(world)
    assert [title for titles in left.values() for title in titles] == []
    known = {worker.status.instance.instance_id for worker in await platform.workers()}
    live = {found.id for found in outside.instances(world) if found.state in outside.LIVE}
    assert live <= known, "an instance that no worker accounts for"


class Oversight:
    """Looks at all placed sessions together: capacity is never exceeded, no port is given twice."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def check(self) -> None:
        """One look. Fails the test with what is exceeded."""
        sessions = [session async for session in ControlPlaneClient(self._platform.api).sessions()]
        for worker in await self._platform.workers():
            held = [
                session.status.placement
                for session in sessions
                if session.status.placement is not None
                and session.status.placement.worker_id == worker.id
                and session.status.phase not in ("pending", "terminated")
            ]
            ports = [port for placement in held for port in placement.ports.values()]
            assert len(ports) == len(set(ports)), f"{worker.id} gives a port twice: {sorted(ports)}"
            declared = worker.spec.declared_capacity
            assert sum(placement.resources.cores for placement in held) <= declared.cores
            assert sum(placement.resources.memory_mb for placement in held) <= declared.memory_mb
            assert sum(placement.resources.nodes for placement in held) <= declared.nodes
