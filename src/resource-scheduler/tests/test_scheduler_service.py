"""The scheduler as its own process, against a real etcd and a control plane over HTTP."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from platform_stand_in import StandIn, stand_in
from worlds import definition, session, template, worker

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import SessionPhase, WorkerDesired, WorkerPhase
from lcm_core.etcd import EtcdClient
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.process import free_port

LIMIT_SECONDS = 150.0


@pytest.fixture
async def platform(store: EtcdClient) -> AsyncIterator[StandIn]:
    """A control plane without content."""
    async with stand_in(store) as served:
        yield served


@asynccontextmanager
async def scheduler(
    platform: StandIn, etcd: EtcdServer, folder: Path, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m resource_scheduler`` until the block ends."""
    environment = {
        **os.environ,
        "LCM_ETCD_ENDPOINTS": etcd.endpoint,
        "LCM_CONTROL_PLANE_URL": platform.url,
        "KEYCLOAK_URL": platform.url,
        "LCM_CLIENT_ID": "lcm-resource-scheduler",
        "LCM_CLIENT_SECRET": "lcm-resource-scheduler-dev-secret",
        "LCM_ADMIN_PORT": str(free_port()),
        "LCM_ELECTION_LEASE_SECONDS": "3",
        "LCM_ELECTION_MARGIN_SECONDS": "1",
        **more,
    }
    with (folder / "scheduler.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "resource_scheduler", env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0, (folder / "scheduler.log").read_text()[-3000:]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition under a deadline."""
    deadline = asyncio.get_running_loop().time() + LIMIT_SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {LIMIT_SECONDS:g} s: {what}"
        await asyncio.sleep(0.02)


async def test_a_waiting_session_is_placed_on_a_running_worker(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    await platform.put("workers", worker("w1"))
    async with scheduler(platform, etcd_server, tmp_path):
        await platform.put("sessions", session("s1", lab, start=now, soon=True, created=now))
        await until(lambda: platform.session("s1").status.phase is SessionPhase.SCHEDULED, "s1 is scheduled")
    placed = platform.session("s1").status
    assert placed.placement is not None
    assert placed.placement.worker_id == "w1"
    assert placed.placement.ports == {"P0": 2000, "P1": 2001}
    assert placed.explanation is not None
    assert placed.explanation.reason == "Placed"
    assert platform.terms_seen == ["1"]


async def test_a_session_without_room_makes_a_worker_and_is_placed_on_it(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    await platform.put("templates", template())
    await platform.put("sessions", session("s1", lab, start=now + timedelta(minutes=20), created=now))
    async with scheduler(platform, etcd_server, tmp_path):
        await until(lambda: platform.session("s1").status.phase is SessionPhase.SCHEDULED, "s1 is scheduled")
    assert platform.made_workers == ["need:t-metal:us-east-1:1"]
    assert platform.worker(platform.session("s1").status.placement.worker_id).status.phase is WorkerPhase.PENDING  # type: ignore[union-attr]


async def test_a_session_nobody_can_take_learns_why(platform: StandIn, etcd_server: EtcdServer, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    large = definition("large", needs=Resources(cores=4, memory_mb=1024, storage_gb=1, nodes=201))
    await platform.put("definitions", large)
    await platform.put("workers", worker("w1"))
    await platform.put("templates", template())
    await platform.put("sessions", session("s1", large, start=now + timedelta(minutes=20), created=now))
    async with scheduler(platform, etcd_server, tmp_path):
        await until(lambda: platform.session("s1").status.explanation is not None, "s1 is explained")
    told = platform.session("s1").status.explanation
    assert told is not None
    assert told.reason == "NothingSuitable"
    assert [each.message for each in told.rejections] == ["w1 has 200 nodes in all; 201 are needed."]


async def test_a_stopped_worker_is_woken_for_what_is_booked_on_it(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    await platform.put("templates", template())
    await platform.put("workers", worker("w1", phase=WorkerPhase.STOPPED))
    await platform.put("sessions", session("s1", lab, start=now + timedelta(minutes=26), created=now))
    async with scheduler(platform, etcd_server, tmp_path):
        await until(lambda: platform.worker("w1").spec.desired is WorkerDesired.RUNNING, "w1 is woken")
    assert platform.session("s1").status.phase is SessionPhase.SCHEDULED
    assert platform.made_workers == []


async def test_a_refused_placement_is_decided_again(platform: StandIn, etcd_server: EtcdServer, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    await platform.put("workers", worker("w1"))
    platform.refuse_places = 2
    async with scheduler(platform, etcd_server, tmp_path):
        await platform.put("sessions", session("s1", lab, start=now, soon=True, created=now))
        await until(lambda: platform.session("s1").status.phase is SessionPhase.SCHEDULED, "s1 is scheduled")
    assert platform.refuse_places == 0


async def test_sessions_of_a_lost_worker_are_placed_on_another(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    await platform.put("workers", worker("w1"))
    async with scheduler(platform, etcd_server, tmp_path):
        start = now + timedelta(hours=2)
        await platform.put("sessions", session("s1", lab, start=start, created=now))
        await until(lambda: platform.session("s1").status.phase is SessionPhase.SCHEDULED, "s1 is scheduled")
        await platform.put("workers", worker("w2"))
        await platform.change("workers", "w1", phase=WorkerPhase.FAILED)
        await until(
            lambda: (place := platform.session("s1").status.placement) is not None and place.worker_id == "w2",
            "s1 is on w2",
        )
    assert platform.claims["w1"] == {}


async def test_a_leader_frozen_in_the_middle_of_a_write_harms_nothing(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition("whole", needs=Resources(cores=48, memory_mb=1024, storage_gb=1, nodes=1))
    await platform.put("definitions", lab)
    await platform.put("workers", worker("w1"))
    platform.places_go_on.clear()
    async with scheduler(platform, etcd_server, tmp_path) as first:
        await platform.put("sessions", session("s1", lab, start=now, soon=True, created=now))
        await until(lambda: platform.places_begun == 1, "the first leader writes")
        first.send_signal(signal.SIGSTOP)
        async with scheduler(platform, etcd_server, tmp_path):
            await until(lambda: platform.session("s1").status.phase is SessionPhase.SCHEDULED, "s1 is scheduled")
            platform.places_go_on.set()
            first.send_signal(signal.SIGCONT)
            await platform.put("sessions", session("s2", lab, start=now, soon=True, created=now))
            await until(lambda: platform.session("s2").status.phase is SessionPhase.SCHEDULED, "s2 is scheduled")
    assert platform.breaches() == []
    assert len(platform.claims["w1"]) == 2
    assert set(platform.terms_seen) == {"1", "2"}


async def test_a_burst_is_placed_without_oversubscription(
    platform: StandIn, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    lab = definition()
    await platform.put("definitions", lab)
    for number in range(20):
        await platform.put("workers", worker(f"w{number:02}"))
    async with scheduler(platform, etcd_server, tmp_path):
        for number in range(200):
            owner = f"owner-{number % 7}"
            await platform.put("sessions", session(f"s{number:03}", lab, start=now, soon=True, owner=owner))
        await until(lambda: platform.phases() == {"scheduled": 200}, f"all are scheduled: {platform.phases()}")
    assert platform.breaches() == []
