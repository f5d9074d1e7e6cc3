"""The application: admin API in front, the AWS endpoint behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from lcm_simulators.common import admin_routes
from lcm_simulators.ec2.admin import world_routes
from lcm_simulators.ec2.endpoint import AwsEndpoint
from lcm_simulators.ec2.settings import Ec2Settings
from lcm_simulators.ec2.world import Ec2World


def create_app(settings: Ec2Settings) -> Starlette:
    """The world behind one URL."""
    world = Ec2World(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await world.start()
        yield
        await world.close()

    shared = admin_routes(simulator="ec2", journal=world.journal, faults=world.faults, clock=world.clock)
    return Starlette(routes=[*shared, *world_routes(world), Mount("/", AwsEndpoint(world))], lifespan=lifespan)
