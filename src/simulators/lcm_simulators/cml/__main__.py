"""``python -m lcm_simulators.cml``: run every simulated controller until SIGTERM."""

import sys

import uvicorn
from pydantic import ValidationError

from lcm_simulators.cml.management import create_app
from lcm_simulators.cml.settings import CmlSettings
from lcm_simulators.cml.world import World
from lcm_simulators.common import SimulatedClock, platform_time

SHUTDOWN_SECONDS = 1


def main() -> int:
    """Serve; 1 when the settings or the stored state cannot be used."""
    try:
        settings = CmlSettings()
        clock = SimulatedClock(*platform_time(settings.clock_factor, settings.clock_file))
        world = World(settings.data_dir, seed=settings.seed, clock=clock, boot_scale=settings.boot_scale)
    except (ValidationError, ValueError, OSError) as error:
        print(f"cml: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        create_app(world),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
