"""The management API: makes and destroys controllers, and plays the person at a device's console.

Plain HTTP on a loopback address; only the EC2 world, tests and the demo use it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.cml.config import ControllerConfig
from lcm_simulators.cml.consoles.session import ConsoleSession
from lcm_simulators.cml.controller import Controller
from lcm_simulators.cml.lab.statistics import load_of
from lcm_simulators.cml.license_server import LicenseServerSettings
from lcm_simulators.cml.model import Lab, Node
from lcm_simulators.cml.routing import ApiError
from lcm_simulators.cml.world import World
from lcm_simulators.common import admin_routes


class RestartBody(BaseModel):
    """How long CML is away."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(default=60, ge=0)


class Management:
    """The endpoints over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """All endpoints below ``/admin``."""
        one = "/admin/controllers/{instance_id}"
        node = f"{one}/labs/{{lab_id}}/nodes/{{label:path}}"
        return [
            Route("/admin/controllers", self._list, methods=["GET"]),
            Route(one, self._get, methods=["GET"]),
            Route(one, self._power_on, methods=["PUT"]),
            Route(one, self._destroy, methods=["DELETE"]),
            Route(f"{one}/off", self._power_off, methods=["POST"]),
            Route(f"{one}/restart", self._restart, methods=["POST"]),
            Route(f"{one}/tokens", self._expire_tokens, methods=["DELETE"]),
            Route(f"{node}/configuration", self._read_configuration, methods=["GET"]),
            Route(f"{node}/configuration", self._replace_configuration, methods=["PUT"]),
            Route(f"{node}/lines", self._type_lines, methods=["POST"]),
            Route(f"{node}/command", self._command, methods=["POST"]),
            Route("/admin/licenses", self._licenses, methods=["GET"]),
            Route("/admin/licenses/settings", self._license_settings, methods=["PUT"]),
        ]

    def _view(self, controller: Controller) -> dict[str, object]:
        return {
            "instance_id": controller.instance_id, "phase": controller.phase, "powered": controller.state.powered,
            "ready": controller.ready, "address": controller.config.address, "port": controller.port,
            "version": controller.config.version, "product": controller.licensing.state.product,
            "load": asdict(load_of(controller)),
        }  # fmt: skip

    def _controller(self, request: Request) -> Controller:
        instance_id = request.path_params["instance_id"]
        controller = self._world.controllers.get(instance_id)
        if controller is None:
            raise ApiError(404, f"There is no controller {instance_id}.")
        return controller

    def _node(self, request: Request) -> tuple[Controller, Lab, Node]:
        controller = self._controller(request)
        lab = controller.lab(request.path_params["lab_id"])
        label = request.path_params["label"]
        for node in lab.nodes.values():
            if label in (node.label, node.id):
                return controller, lab, node
        raise ApiError(404, f"There is no node {label} in lab {lab.id}.")

    async def _list(self, request: Request) -> Response:
        return JSONResponse([self._view(controller) for controller in self._world.controllers.values()])

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._view(self._controller(request)))

    async def _power_on(self, request: Request) -> Response:
        config = ControllerConfig.model_validate_json(await request.body())
        return JSONResponse(self._view(await self._world.power_on(request.path_params["instance_id"], config)))

    async def _power_off(self, request: Request) -> Response:
        controller = self._controller(request)
        await self._world.power_off(controller.instance_id)
        return JSONResponse(self._view(controller))

    async def _restart(self, request: Request) -> Response:
        controller = self._controller(request)
        body = RestartBody.model_validate_json(await request.body() or b"{}")
        await self._world.restart_service(controller.instance_id, body.seconds)
        return JSONResponse(self._view(controller))

    async def _expire_tokens(self, request: Request) -> Response:
        self._controller(request).expire_tokens()
        return self._written(Response(status_code=204))

    def _written(self, response: Response) -> Response:
        """The answer, once the change is on disk."""
        self._world.store.flush()
        return response

    async def _destroy(self, request: Request) -> Response:
        if request.path_params["instance_id"] in self._world.controllers:
            await self._world.terminate(request.path_params["instance_id"])
        return Response(status_code=204)

    async def _read_configuration(self, request: Request) -> Response:
        controller, lab, node = self._node(request)
        return Response(controller.devices.running_configuration(lab, node), media_type="text/plain")

    async def _replace_configuration(self, request: Request) -> Response:
        controller, lab, node = self._node(request)
        controller.devices.replace(lab, node, (await request.body()).decode())
        return self._written(Response(status_code=204))

    async def _type_lines(self, request: Request) -> Response:
        controller, lab, node = self._node(request)
        controller.devices.type_lines(lab, node, (await request.body()).decode())
        return self._written(Response(status_code=204))

    async def _command(self, request: Request) -> Response:
        controller, lab, node = self._node(request)
        session = ConsoleSession(controller, lab, node, 0)
        return self._written(Response(session.run((await request.body()).decode()), media_type="text/plain"))

    async def _licenses(self, request: Request) -> Response:
        return JSONResponse(self._world.license_server.as_json())

    async def _license_settings(self, request: Request) -> Response:
        self._world.license_server.settings = LicenseServerSettings.model_validate_json(await request.body())
        self._world.store.mark_licenses(self._world.license_server)
        return self._written(JSONResponse(self._world.license_server.as_json()))


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return JSONResponse({"detail": error.description}, status_code=error.status)
    if isinstance(error, OSError):
        return JSONResponse({"detail": f"the controller cannot listen: {error}"}, status_code=409)
    return JSONResponse({"detail": str(error)}, status_code=422)


def create_app(world: World) -> Starlette:
    """The application; the world runs as long as it does."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await world.start()
        yield
        await world.close()

    shared = admin_routes(simulator="cml", journal=world.journal, faults=world.faults, clock=world.clock)
    return Starlette(
        routes=[*shared, *Management(world).routes()],
        exception_handlers={
            ApiError: _refused,
            OSError: _refused,
            ValidationError: _refused,
            UnicodeDecodeError: _refused,
        },
        lifespan=lifespan,
    )
