"""Resource pools."""

from __future__ import annotations

from uuid import uuid4

from pydantic import Field

from lcm_simulators.cml.api.lookup import Body
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab.capacity import usage_of
from lcm_simulators.cml.model import ResourcePool
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call


class PoolBody(Body):
    """What may be said about a resource pool."""

    label: str | None = Field(default=None, min_length=1, max_length=255)
    description: str | None = None
    template: str | None = None
    licenses: int | None = Field(default=None, ge=0)
    ram: int | None = Field(default=None, ge=0)
    cpus: int | None = Field(default=None, ge=0)
    disk_space: int | None = Field(default=None, ge=0)
    external_connectors: list[str] | None = None
    users: list[str] | None = None
    shared: bool = True


def _pool_view(call: Call, pool: ResourcePool) -> dict[str, object]:
    view: dict[str, object] = {
        "id": pool.id, "label": pool.label, "description": pool.description, "template": pool.template,
        "licenses": pool.licenses, "ram": pool.ram, "cpus": pool.cpus, "disk_space": pool.disk_space,
        "external_connectors": pool.external_connectors,
    }  # fmt: skip
    made = [other.id for other in call.controller.state.pools.values() if other.template == pool.id]
    if pool.is_template or made:
        return view | {"user_pools": made}
    return view | {"users": list(pool.users)}


def _pool(call: Call) -> ResourcePool:
    pool = call.controller.state.pools.get(call.uuid("pool"))
    if pool is None:
        raise ApiError(404, f"Resource pool not found: {call.params['pool']}")
    return pool


@route("GET", "/resource_pools")
def list_pools(call: Call) -> object:
    """Ids, or whole pools with `data`."""
    pools = call.controller.state.pools
    return [_pool_view(call, pool) for pool in pools.values()] if call.flag("data") else list(pools)


@route("GET", "/resource_pools/{pool}")
def get_pool(call: Call) -> object:
    """One pool."""
    return _pool_view(call, _pool(call))


@route("POST", "/resource_pools")
def create_pool(call: Call) -> object:
    """One pool, or one for each user when it is not shared."""
    call.require_admin()
    body = call.read(PoolBody)
    if body.label is None:
        raise ApiError(400, "A resource pool needs a label.")
    unknown = [user for user in body.users or [] if user not in call.controller.state.users]
    if unknown:
        raise ApiError(404, f"User does not exist: {unknown[0]}.")
    if body.template is not None and body.template not in call.controller.state.pools:
        raise ApiError(404, f"Resource pool not found: {body.template}")
    if body.shared:
        return _pool_view(call, _new_pool(call, body, body.label, body.users or []))
    return _pools_of_users(call, body, body.label)


def _pools_of_users(call: Call, body: PoolBody, label: str) -> list[dict[str, object]]:
    """A pool for each user. Without a template the limits go into a new one, which comes first."""
    made = []
    template, limits = body.template, body
    if template is None:
        pool = _new_pool(call, body, label, [])
        pool.is_template = True
        made.append(pool)
        template, limits = pool.id, PoolBody(label=label, description=body.description)
    for user_id in body.users or []:
        name = call.controller.state.users[user_id].username
        pool = _new_pool(call, limits, f"{label}-{name}", [user_id])
        pool.template = template
        made.append(pool)
    return [_pool_view(call, pool) for pool in made]


def _new_pool(call: Call, body: PoolBody, label: str, users: list[str]) -> ResourcePool:
    pool = ResourcePool(str(uuid4()), label)
    call.controller.state.pools[pool.id] = pool
    _change_pool(call, pool, body.model_copy(update={"label": label, "users": users}))
    return pool


def _change_pool(call: Call, pool: ResourcePool, body: PoolBody) -> None:
    for name in ("label", "description"):
        setattr(pool, name, getattr(body, name) or getattr(pool, name))
    for name in ("template", "licenses", "ram", "cpus", "disk_space", "external_connectors"):
        if name in body.model_fields_set:
            setattr(pool, name, getattr(body, name))
    if body.users is not None:
        pool.users = list(body.users)
        for user in call.controller.state.users.values():
            if user.id in pool.users:
                user.resource_pool = pool.id
            elif user.resource_pool == pool.id:
                user.resource_pool = None
    call.controller.changed()


@route("PATCH", "/resource_pools/{pool}")
def change_pool(call: Call) -> object:
    """Change a pool."""
    call.require_admin()
    pool = _pool(call)
    _change_pool(call, pool, call.read(PoolBody))
    return _pool_view(call, pool)


@route("DELETE", "/resource_pools/{pool}")
def delete_pool(call: Call) -> object:
    """Remove a pool; its users are without one then. A template goes after the pools made from it."""
    call.require_admin()
    pool = _pool(call)
    if any(other.template == pool.id for other in call.controller.state.pools.values()):
        raise ApiError(400, f"Resource pool {pool.label} is the template of other pools.")
    for user in call.controller.state.users.values():
        user.resource_pool = None if user.resource_pool == pool.id else user.resource_pool
    del call.controller.state.pools[pool.id]
    call.controller.changed()
    return NO_CONTENT


@route("GET", "/resource_pool_usage/{pool}")
def pool_usage(call: Call) -> object:
    """Limits of a pool and what its users take of it."""
    pool = _pool(call)
    licenses = ram = 0
    cpus = 0.0
    for user in pool.users:
        usage = usage_of(call.controller, user)
        licenses, ram, cpus = licenses + usage.nodes, ram + usage.ram, cpus + usage.cpus
    limit = {
        "licenses": pool.licenses, "cpus": pool.cpus, "ram": pool.ram, "disk_space": pool.disk_space,
        "external_connectors": pool.external_connectors,
    }  # fmt: skip
    used = {"licenses": licenses, "cpus": int(cpus * 100), "ram": ram, "disk_space": 0, "external_connectors": []}
    return {"limit": limit, "usage": used}
