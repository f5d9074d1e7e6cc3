"""The admin routes that only this world has."""

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.ec2.conditions import Conditions
from lcm_simulators.ec2.instances.model import DEAD, Impairment, Instance
from lcm_simulators.ec2.world import Ec2World


class FailBody(BaseModel):
    """Body of `POST /admin/instances/{id}/fail`: the host dies and the instance ends, or stops."""

    model_config = ConfigDict(extra="forbid")

    stops: bool = False


class ImpairBody(BaseModel):
    """Body of `PUT /admin/instances/{id}/impairment`; null lets all checks pass again."""

    model_config = ConfigDict(extra="forbid")

    impairment: Impairment | None = None


def world_routes(world: Ec2World) -> list[BaseRoute]:
    """Routes to see and fail instances and to set the conditions of the world."""
    return [*_instance_routes(world), *_condition_routes(world)]


def _instance_routes(world: Ec2World) -> list[BaseRoute]:
    async def read_instances(request: Request) -> Response:
        return JSONResponse([instance.model_dump(mode="json") for instance in world.fleet.store])

    async def read_instance(request: Request) -> Response:
        instance = world.fleet.store.get(request.path_params["instance_id"])
        return _unknown() if instance is None else _shown(instance)

    async def fail(request: Request) -> Response:
        instance = world.fleet.store.get(request.path_params["instance_id"])
        if instance is None:
            return _unknown()
        try:
            body = FailBody.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            return _refused(error)
        if instance.state not in DEAD:
            world.fleet.fail(instance, stops=body.stops)
        return _shown(instance)

    async def impair(request: Request) -> Response:
        instance = world.fleet.store.get(request.path_params["instance_id"])
        if instance is None:
            return _unknown()
        try:
            world.fleet.impair(instance, ImpairBody.model_validate_json(await request.body()).impairment)
        except ValidationError as error:
            return _refused(error)
        return _shown(instance)

    one = "/admin/instances/{instance_id}"
    return [
        Route("/admin/instances", read_instances, methods=["GET"]),
        Route(one, read_instance, methods=["GET"]),
        Route(f"{one}/fail", fail, methods=["POST"]),
        Route(f"{one}/impairment", impair, methods=["PUT"]),
    ]


def _condition_routes(world: Ec2World) -> list[BaseRoute]:
    async def read_conditions(request: Request) -> Response:
        return JSONResponse(world.conditions.model_dump(mode="json"))

    async def put_conditions(request: Request) -> Response:
        try:
            world.set_conditions(Conditions.model_validate_json(await request.body()))
        except ValidationError as error:
            return _refused(error)
        return await read_conditions(request)

    return [
        Route("/admin/world", read_conditions, methods=["GET"]),
        Route("/admin/world", put_conditions, methods=["PUT"]),
    ]


def _shown(instance: Instance) -> JSONResponse:
    return JSONResponse(instance.model_dump(mode="json"))


def _unknown() -> JSONResponse:
    return JSONResponse({"detail": "there is no such instance"}, status_code=404)


def _refused(error: ValidationError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=422)
