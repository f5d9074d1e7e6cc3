"""The application of the grading engine, put together."""

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
from lcm_simulators.grading.api import GradingApi
from lcm_simulators.grading.engine import Engine
from lcm_simulators.grading.job_faults import JobFaultBook, job_fault_routes
from lcm_simulators.grading.jobs import JobBook
from lcm_simulators.grading.settings import GradingSettings


def create_app(settings: GradingSettings) -> Starlette:
    """The application. Raises ``ValueError`` for a data folder that cannot be used."""
    clock = SimulatedClock(settings.clock_factor)
    database = Database(settings.data_dir / "grading.db")
    outbox = Outbox(database, "/grading/engine")
    event_faults, job_faults = EventFaultBook(), JobFaultBook()
    sender = EventSender(outbox, settings.delivery, event_faults)
    book = JobBook(database, outbox, sender)
    engine = Engine(settings, clock, book, ObjectReader(settings.aws_endpoint), job_faults)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with background(sender.run, engine.run):
            yield
        database.close()

    app = Starlette(
        routes=[
            *GradingApi(engine, book, settings.token.get_secret_value()).routes(),
            style_route(),
            *job_fault_routes(job_faults),
            *event_admin_routes(outbox, sender, event_faults),
        ],
        exception_handlers={Refusal: refused, ValidationError: refused, HTTPException: refused},
        lifespan=lifespan,
    )
    install_admin(app, simulator="grading", journal=Journal(), faults=FaultBook(), clock=clock)
    return app
