"""`python -m lcm_simulators.identity`: run the provider until SIGTERM."""

import sys

import uvicorn

from lcm_simulators.identity.app import create_app
from lcm_simulators.identity.realm import RealmFileError
from lcm_simulators.identity.settings import IdentityProviderSettings, RealmFileMissingError

SHUTDOWN_SECONDS = 1


def main() -> int:
    """Serve; returns 1 when the realm file cannot be used."""
    settings = IdentityProviderSettings()
    try:
        app = create_app(settings)
    except (RealmFileError, RealmFileMissingError) as error:
        print(f"identity: {error}", file=sys.stderr)
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
