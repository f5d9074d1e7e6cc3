"""Entry point of the worker controller."""

import asyncio

from lcm_core.controller.service import ControllerService
from lcm_core.domain.vocabulary import ServiceName
from worker_controller.service import build

ADMIN_PORT = 8083


def main() -> None:
    """Run until a signal asks to stop."""
    asyncio.run(ControllerService(ServiceName.WORKER_CONTROLLER, build, default_admin_port=ADMIN_PORT).run())
