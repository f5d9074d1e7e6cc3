"""One platform without scheduler and worker controller, shared by the tests of this package."""

import dataclasses
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))

from lablet_rig import Rig

from lcm_simulators.embedded.reservations import free_port
from lcm_simulators.supervisor.plan import platform_plan
from lcm_simulators.world import World

OTHER_REGION = "eu-west-1"
PARTS = ("lablet-controller", "ec2", "cml", "lds", "grading")


@asynccontextmanager
async def other_delivery_system(world: World, folder: Path, port: int) -> AsyncIterator[None]:
    """A second deployment, which serves one region only."""
    settings = world.settings
    elsewhere = dataclasses.replace(
        settings,
        data_dir=folder,
        ports=dataclasses.replace(settings.ports, lds=port),
        environment={**settings.environment, "LCM_LDS_REGION": OTHER_REGION},
    )
    server = next(spec for spec in platform_plan(elsewhere) if spec.name == "lds").make()
    await server.start()
    try:
        yield
    finally:
        await server.stop(2.0)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """The running platform; boots take no time and retries come quickly."""
    quick = {
        "LCM_LABLET_STEP_PAUSE_SECONDS": "0.02",
        "LCM_LABLET_STEP_LONGEST_PAUSE_SECONDS": "0.1",
        "LCM_LABLET_STEP_ATTEMPTS": "4",
        "LCM_LABLET_ORPHAN_GRACE_SECONDS": "0.5",
        "LCM_LABLET_SETTLING_SECONDS": "1",
        "LCM_LABLET_BOOT_POLL_SECONDS": "0.3",
        "LCM_LABLET_WATCH_SECONDS": "1",
        "LCM_LABLET_WATCH_FLOOR_SECONDS": "1",
        "LCM_CML_LABS_TIMEOUT_SECONDS": "1.5",
        "LCM_OUTSIDE_TIMEOUT_SECONDS": "1.5",
        "LCM_ELECTION_LEASE_SECONDS": "3",
        "LCM_ELECTION_MARGIN_SECONDS": "0.7",
    }
    port = free_port()
    quick |= {
        "LCM_LDS_PASSWORD": "one-password-for-both",
        "LCM_LDS_REGIONS": json.dumps(
            {OTHER_REGION: {"url": f"http://127.0.0.1:{port}", "password": "one-password-for-both"}}
        ),
    }
    world = World(
        tmp_path_factory.mktemp("world"),
        ports="ephemeral",
        clock_factor=1.0,
        boot_scale=0.0,
        environment=quick,
        only=PARTS,
        durable=False,
        report=lambda _: None,
    )
    other = other_delivery_system(world, tmp_path_factory.mktemp("other-lds"), port)
    async with world, other, Rig(world, AsyncExitStack()) as ready:
        ready.other_lds = f"http://127.0.0.1:{port}"
        yield ready
