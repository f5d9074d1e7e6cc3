"""The application of the delivery system, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from lcm_simulators.common import FaultBook, Journal, SimulatedClock, install_admin
from lcm_simulators.common.background import background
from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.database import Database
from lcm_simulators.common.event_admin import event_admin_routes
from lcm_simulators.common.event_faults import EventFaultBook
from lcm_simulators.common.objects import ObjectReader
from lcm_simulators.common.outbox import Outbox
from lcm_simulators.common.rest import Refusal, refused
from lcm_simulators.common.web import style_route
from lcm_simulators.lds.admin import admin_session_routes
from lcm_simulators.lds.api import ReservationApi
from lcm_simulators.lds.launch import LaunchLinks
from lcm_simulators.lds.learner import LearnerPages
from lcm_simulators.lds.service import DeliveryService
from lcm_simulators.lds.settings import LdsSettings


def create_app(settings: LdsSettings) -> Starlette:
    """The application. Raises ``ValueError`` for a data folder that cannot be used."""
    database = Database(settings.data_dir / "lds.db")
    outbox = Outbox(database, f"/lds/{settings.region}")
    event_faults = EventFaultBook()
    sender = EventSender(outbox, settings.delivery, event_faults)
    service = DeliveryService(database, outbox, sender, ObjectReader(settings.aws_endpoint))
    links = LaunchLinks(database, settings.base_url, settings.launch_hours * 3600)
    api = ReservationApi(service, links, settings.username, settings.password.get_secret_value())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(sender.run):
            yield
        database.close()

    app = Starlette(
        routes=[
            *api.routes(),
            *LearnerPages(service, links).routes(),
            style_route(),
            *admin_session_routes(service),
            *event_admin_routes(outbox, sender, event_faults),
        ],
        exception_handlers={Refusal: refused, ValidationError: refused, HTTPException: refused},
        lifespan=lifespan,
    )
    clock = SimulatedClock(settings.clock_factor)
    install_admin(app, simulator="lds", journal=Journal(), faults=FaultBook(), clock=clock)
    return app
