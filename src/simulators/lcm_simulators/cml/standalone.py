"""``python -m lcm_simulators.cml.standalone``: one simulated CML at the server root, for outside clients."""

import asyncio
import signal
import sys

from pydantic import ValidationError

from lcm_simulators.cml.config import ControllerConfig
from lcm_simulators.cml.settings import StandaloneSettings
from lcm_simulators.cml.world import World
from lcm_simulators.common import SimulatedClock

INSTANCE = "standalone"


async def serve(settings: StandaloneSettings) -> None:
    """Run one licensed controller until SIGINT or SIGTERM."""
    world = World(settings.data_dir, clock=SimulatedClock(settings.clock_factor), boot_scale=settings.boot_scale)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await world.start()
    config = ControllerConfig(
        address=settings.address,
        port=settings.port,
        version=settings.version,
        boot_seconds=0,
        admin_username=settings.username,
        admin_password=settings.password.get_secret_value(),
    )
    controller = await world.power_on(INSTANCE, config)
    if controller.licensing.state.registration == "NOT_REGISTERED":
        controller.licensing.register("standalone", reregister=False)
    print(
        f"CML {settings.version} at https://{settings.address}:{controller.port}/ (user {settings.username})",
        flush=True,
    )
    await stopping.wait()
    await world.close()


def main() -> int:
    """Run; 1 when the settings cannot be used or the port is taken."""
    try:
        asyncio.run(serve(StandaloneSettings()))
    except (ValidationError, OSError) as error:
        print(f"cml: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
