"""Entry point of the scheduler."""

import asyncio

from lcm_core.controller.service import ControllerService
from lcm_core.domain.vocabulary import ServiceName
from resource_scheduler.service import build

ADMIN_PORT = 8081


def main() -> None:
    """Run until a signal asks to stop."""
    asyncio.run(ControllerService(ServiceName.RESOURCE_SCHEDULER, build, default_admin_port=ADMIN_PORT).run())
