"""One platform without scheduler and worker controller, shared by the tests of this package."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))

from lablet_rig import Rig

from lcm_simulators.world import World

PARTS = ("lablet-controller", "ec2", "cml", "lds", "grading")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """The running platform; boots take no time and retries come quickly."""
    quick = {
        "LCM_LABLET_STEP_PAUSE_SECONDS": "0.02",
        "LCM_LABLET_STEP_LONGEST_PAUSE_SECONDS": "0.1",
        "LCM_LABLET_STEP_ATTEMPTS": "4",
        "LCM_LABLET_ORPHAN_GRACE_SECONDS": "0.5",
        "LCM_LABLET_BOOT_POLL_SECONDS": "0.3",
        "LCM_LABLET_WATCH_SECONDS": "1",
        "LCM_LABLET_WATCH_FLOOR_SECONDS": "1",
        "LCM_CML_LABS_TIMEOUT_SECONDS": "1.5",
        "LCM_OUTSIDE_TIMEOUT_SECONDS": "1.5",
        "LCM_ELECTION_LEASE_SECONDS": "3",
        "LCM_ELECTION_MARGIN_SECONDS": "0.7",
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
    async with world, Rig(world, AsyncExitStack()) as ready:
        yield ready
