"""Entry point of the lablet controller."""

import asyncio

from lablet_controller.service import build
from lcm_core.controller.service import ControllerService
from lcm_core.domain.vocabulary import ServiceName

ADMIN_PORT = 8082


def main() -> None:
    """Run until a signal asks to stop."""
    asyncio.run(ControllerService(ServiceName.LABLET_CONTROLLER, build, default_admin_port=ADMIN_PORT).run())
