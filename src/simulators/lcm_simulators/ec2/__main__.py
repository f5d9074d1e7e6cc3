"""`python -m lcm_simulators.ec2`: run the world until SIGTERM."""

import sys

import uvicorn

from lcm_simulators.ec2.app import create_app
from lcm_simulators.ec2.settings import Ec2Settings

SHUTDOWN_SECONDS = 1


def main() -> int:
    """Serve; returns 1 when the settings or the stored state cannot be used."""
    try:
        settings = Ec2Settings()
        app = create_app(settings)
    except ValueError as error:
        print(f"ec2: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        app,
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
