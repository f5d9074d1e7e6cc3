"""The application: admin API in front, the AWS endpoint behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from lcm_simulators.common import admin_routes
from lcm_simulators.ec2.admin import world_routes
from lcm_simulators.ec2.endpoint import AwsEndpoint
from lcm_simulators.ec2.settings import Ec2Settings
from lcm_simulators.ec2.world import Ec2World

ADMIN_PATHS = ("/admin", "/health")


def create_app(settings: Ec2Settings) -> ASGIApp:
    """The world behind one URL."""
    world = Ec2World(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await world.start()
        yield
        await world.close()

    shared = admin_routes(simulator="ec2", journal=world.journal, faults=world.faults, clock=world.clock)
    admin = Starlette(routes=[*shared, *world_routes(world)], lifespan=lifespan)
    endpoint = AwsEndpoint(world)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        aws = scope["type"] == "http" and not _is_admin(scope["path"])
        await (endpoint if aws else admin)(scope, receive, send)

    return app


def _is_admin(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in ADMIN_PATHS)
