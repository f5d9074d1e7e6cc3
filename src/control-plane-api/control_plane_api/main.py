"""Runs the control plane until it is told to stop."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
import uvloop

from control_plane_api.composition.platform import build_platform
from control_plane_api.composition.production import insecure
from control_plane_api.kernel.gathered import GatheringProtocol
from control_plane_api.settings import Settings
from lcm_core.observability.logs import configure_logging
from lcm_core.observability.tracing import configure_tracing
from lcm_core.settings import LogFormat

log = logging.getLogger(__name__)

SERVICE = "control-plane"
GRACE_SECONDS = 8
BACKLOG = 2048
SWITCH_SECONDS = 0.0002
"""How long gRPC's thread waits at most for the interpreter to hand over an answer of etcd; Python's default is 5 ms."""
COLLECT_AFTER = (20_000, 20, 20)
"""Objects and generations between collections of cycles: a page of a list makes some thousand objects and no cycle."""


class _Server(uvicorn.Server):
    """Leaves signals to :func:`serve`, which ends the live streams before the server waits for its connections."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See ``uvicorn.Server``."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ``SystemExit`` with a sentence when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SystemExit(f"{SERVICE} cannot listen on {host}:{port}: {error}") from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs within the grace period."""
    platform = build_platform(settings)
    server = _Server(
        uvicorn.Config(
            platform.app,
            http=GatheringProtocol,
            loop="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )

    def stop() -> None:
        log.info("The control plane stops")
        platform.end_streams()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # What was made until now lives as long as the process; looking through it again and again stops every request.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)
    host, port = listener.getsockname()[:2]
    log.info("The control plane listens at http://%s:%d", host, port)
    await server.serve(sockets=[listener])


def main() -> int:
    """Entry point of ``python -m control_plane_api``; 0 after a clean stop."""
    settings = Settings()
    configure_logging(SERVICE, level=settings.logging.level, json_lines=settings.logging.format is LogFormat.JSON)
    traces = configure_tracing(SERVICE, otlp_endpoint=settings.telemetry.otlp_endpoint)
    faults = insecure(settings)
    if faults:
        raise SystemExit(f"{SERVICE} refuses to start in production mode:\n- " + "\n- ".join(faults))
    listener = bind(settings.app.host, settings.app.port)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, listener))
    finally:
        traces.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
