"""TLS listeners of the simulated controllers.

All controllers live on one event loop; each has its own socket, certificate and connection set, so that power-off cuts
exactly its own clients. Uvicorn's protocol classes do the HTTP work; its process machinery is not needed.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.server import ServerState

from lcm_simulators.cml.app import controller_app

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


class Listener:
    """The open API port of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._server: asyncio.Server | None = None
        self._state = ServerState()

    @property
    def open(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def start(self, context: ssl.SSLContext | None) -> None:
        """Open the port; port 0 picks a free one, which `controller.port` then tells. Raises `OSError`."""
        if self._server is not None:
            return
        config = Config(
            controller_app(self._controller), interface="asgi3", lifespan="off", log_config=None, access_log=False,
            ws="websockets-sansio", timeout_keep_alive=75, server_header=False, date_header=False,
        )  # fmt: skip
        config.load()
        loop = asyncio.get_running_loop()
        self._state = ServerState()

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(config=config, server_state=self._state, app_state={})  # type: ignore[call-arg]

        address = self._controller.config.address
        self._server = await loop.create_server(protocol, address, self._controller.port, ssl=context, backlog=512)
        self._controller.port = self._server.sockets[0].getsockname()[1]
        self._controller.listening = True

    async def stop(self) -> None:
        """Close the port and cut its connections."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self._controller.listening = False
        server.close()
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.sleep(0)
