"""Running a simulator's application as a process."""

import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

SHUTDOWN_SECONDS = 1


def serve(name: str, make: Callable[[], tuple[ASGIApp, str, int]]) -> int:
    """Build the application and serve it until SIGTERM; 1 with a sentence when settings or state cannot be used."""
    try:
        app, host, port = make()
    except (ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return 0
