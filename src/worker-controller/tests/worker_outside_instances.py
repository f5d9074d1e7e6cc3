"""Instances that somebody else launched."""

import asyncio

from worker_world import REGION, WorkerWorld

from lcm_core.spi.ec2 import Instance, LaunchRequest
from worker_controller.adapters.aws import AwsClients
from worker_controller.adapters.ec2 import BotoEc2


async def launch_foreign(
    world: WorkerWorld, token: str = "somebody", *, region: str = REGION, images: str = "cml-*", **tags: str
) -> str:
    """Launch an instance by hand, of CML's newest image; its id once it runs."""
    clients = AwsClients(endpoint=world.world.url("ec2"), threads=2)
    try:
        ec2 = BotoEc2(clients)
        image = await ec2.newest_image(region, images)
        assert image is not None
        launched = await ec2.launch(LaunchRequest(token, region, image.image_id, "c8i.4xlarge", tags))
        return (await _running(ec2, launched)).instance_id
    finally:
        clients.close()


async def _running(ec2: BotoEc2, instance: Instance) -> Instance:
    async with asyncio.timeout(10):
        while (seen := await ec2.describe_one(instance.region, instance.instance_id)).state != "running":
            await asyncio.sleep(0.05)
    return seen
