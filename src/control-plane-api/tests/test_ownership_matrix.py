"""Every endpoint whose permission depends on whose the object is × callers near and far, from router and table."""

from collections.abc import Awaitable, Callable

import httpx
from flows import active_definition, reserve
from plane_process import PlaneProcess
from realm_stand_in import PEOPLE, SERVICES

from control_plane_api.api.guard import GuardedRoute
from control_plane_api.api.router import ROUTERS
from control_plane_api.application.authorization.policy import POLICY, Action, Scope, permits
from control_plane_api.application.authorization.principal import Principal

OWNER, DEPARTMENT = "user", PEOPLE["user"].department
CALLERS = ("user", "user2", "author", "manager", "manager2", "admin", *SERVICES)
OWNED = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, GuardedRoute)
    and route.guard.action is not None
    and {Scope.OWN, Scope.DEPARTMENT} & set(POLICY[route.guard.action].scopes.values())
]
COLLECTIONS = {
    ("POST", "/lablet-sessions:bulk"),
    ("POST", "/lablet-sessions"),
    ("GET", "/lablet-sessions"),
    ("POST", "/tasks"),
    ("GET", "/tasks"),
    ("GET", "/audit"),
    ("GET", "/quotas"),
    ("GET", "/quotas/mine"),
    ("GET", "/costs"),
}
"""Without an object in the path: what they show and take is asked for below."""
BODIES = {
    "/lablet-sessions/{session_id}/extend": {"end": "2100-01-01T00:00:00Z"},
    "/lablet-sessions/{session_id}/retry": {"step": "boot"},
    "/tasks/{task_id}": {"description": "Seen."},
}


def principal(name: str) -> Principal:
    """The caller as the platform sees it."""
    if name in SERVICES:
        return Principal(user_id=name, username=f"service-account-lcm-{name}", roles=frozenset({name}))
    person = PEOPLE[name]
    return Principal(
        user_id=name, username=name, roles=frozenset(person.roles), department=person.department, name=name
    )


def method_of(route: GuardedRoute) -> str:
    return min(route.methods or {"GET"})


def expected(name: str, action: Action, read: Action, owner: str) -> str:
    """What a caller must get for an object of an owner in the department: let through, refused or hidden."""
    caller = principal(name)
    if POLICY[action].scope(caller.roles) is Scope.NONE:
        return "refused"
    if not permits(caller, read, owner=owner, department=DEPARTMENT):
        return "hidden"
    return "let through" if permits(caller, action, owner=owner, department=DEPARTMENT) else "refused"


def outcome(answer: httpx.Response, object_id: str) -> str:
    """What the caller got."""
    problem = answer.json() if answer.status_code >= 400 else {}
    if answer.status_code == 404 and object_id in problem["detail"] and "score" not in problem["detail"]:
        hidden = not any(word in problem["detail"] for word in ("user session", "grading session"))
        return "hidden" if hidden else "let through"
    return "refused" if answer.status_code == 403 else "let through"


def test_every_endpoint_of_owned_objects_is_in_the_matrix() -> None:
    with_object = {
        (method_of(route), route.path) for route in OWNED if "{session_id}" in route.path or "{task_id}" in route.path
    }
    assert {(method_of(route), route.path) for route in OWNED} == with_object | COLLECTIONS


async def _call(http: httpx.AsyncClient, route: GuardedRoute, object_id: str) -> httpx.Response:
    path = route.path.replace("{session_id}", object_id).replace("{task_id}", object_id).replace("{wish}", "stop")
    assert "{" not in path, f"{route.path} has a part that the matrix does not know"
    body = BODIES.get(route.path, {} if route.body_field is not None else None)
    return await http.request(method_of(route), f"/api{path}", json=body)


async def _check(
    plane: PlaneProcess, part: str, read: Action, make: Callable[[], Awaitable[str]], owner: str = OWNER
) -> None:
    wrong, asked, object_id = [], 0, await make()
    for name in CALLERS:
        async with plane.caller(name) as http:
            for route in OWNED:
                if part not in route.path or route.guard.action is None:
                    continue
                answer = await _call(http, route, object_id)
                wanted, got = expected(name, route.guard.action, read, owner), outcome(answer, object_id)
                asked += 1
                if wanted != got or answer.status_code == 422 or answer.status_code >= 500:
                    wrong.append(f"{name} {method_of(route)} {route.path}: {wanted} wanted, {got}: {answer.text[:150]}")
                if got == "let through" and method_of(route) != "GET":
                    object_id = await make()
    assert not wrong, "\n".join(wrong)
    assert asked >= len(CALLERS) * 2


async def test_sessions_are_open_to_whom_the_table_says_and_hidden_from_others(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller(OWNER) as owner:

        async def make() -> str:
            return (await reserve(owner, definition)).id

        await _check(plane, "{session_id}", Action.SESSION_READ, make)


async def test_tasks_are_open_to_whom_the_table_says_and_hidden_from_others(plane: PlaneProcess) -> None:
    async with plane.caller("manager") as manager:

        async def make() -> str:
            made = await manager.post("/api/tasks", json={"title": "Look", "assignee": OWNER})
            assert made.status_code == 201, made.text
            return str(made.json()["id"])

        await _check(plane, "{task_id}", Action.TASK_READ, make)


async def test_lists_hold_what_the_table_says(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller(OWNER) as owner, plane.caller("manager") as manager:
        task = (await manager.post("/api/tasks", json={"title": "Look", "assignee": OWNER})).json()["id"]
        for name in CALLERS:
            session = (await reserve(owner, definition)).id
            async with plane.caller(name) as http:
                await _check_lists(http, principal(name), session, task)


async def _check_lists(http: httpx.AsyncClient, caller: Principal, session: str, task: str) -> None:
    for path, action, object_id in (
        ("/api/lablet-sessions", Action.SESSION_READ, session),
        ("/api/tasks", Action.TASK_READ, task),
    ):
        listed = await http.get(path, params={"limit": "200"})
        visible = permits(caller, action, owner=OWNER, department=DEPARTMENT)
        assert (object_id in listed.text) == visible, f"{caller.username} {path}: {listed.text[:200]}"
    costs = await http.get("/api/costs")
    visible = permits(caller, Action.COST_READ, owner=OWNER, department=DEPARTMENT)
    assert (OWNER in [item["name"] for item in costs.json().get("items", [])]) == visible, costs.text[:200]
    many = await http.post("/api/lablet-sessions:bulk", json={"ids": [session], "action": "cancel"})
    done = many.status_code == 200 and many.json()["items"][0]["status"] == 200
    assert done == permits(caller, Action.SESSION_CHANGE, owner=OWNER, department=DEPARTMENT), many.text
    assert many.status_code in (200, 403), many.text
