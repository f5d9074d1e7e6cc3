"""What holds for every request: who calls, may they, is it a repetition, is the writer still the leader."""

import asyncio
import uuid

import pytest
from flows import active_definition, reserve, running_worker, unique
from plane_process import PlaneProcess

from control_plane_api.api.guard import Fencing, GuardedRoute
from control_plane_api.api.router import ROUTERS
from control_plane_api.application.authorization.policy import POLICY, Scope
from control_plane_api.infrastructure.mongo.database import connect
from lcm_core.clients.errors import StaleTerm
from lcm_core.contracts.workers import ReportWorker

CALLERS = {
    "": (),
    "nobody": (),
    "user": ("user",),
    "author": ("lab-author",),
    "manager": ("manager",),
    "admin": ("admin",),
    "resource-scheduler": ("resource-scheduler",),
    "worker-controller": ("worker-controller",),
    "lablet-controller": ("lablet-controller",),
}
OWN_ONLY = {"/auth/users/{user_id}/revoke"}
"""Open to everybody for what is their own; the matrix asks for what is nobody's."""
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, GuardedRoute)]


def test_every_route_is_guarded_or_says_that_anybody_may_come_in() -> None:
    open_routes = {route.path for route in ROUTES if route.guard.action is None}
    assert all(path.startswith("/auth/") for path in open_routes), open_routes
    writes = [route for route in ROUTES if route.path.startswith("/internal/") and "GET" not in (route.methods or ())]
    unfenced = {route.path for route in writes if route.guard.fencing is not Fencing.LEADER}
    # Followers speak here too: an election is presented, a replica tells how it is, an event or a file comes in.
    assert unfenced == {
        "/internal/terms",
        "/internal/controllers/heartbeat",
        "/internal/artifacts",
        "/internal/inbound-events:batch",
    }


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_role_gets_as_far_as_the_table_says_before_its_body_is_read(plane: PlaneProcess, caller: str) -> None:
    """The whole matrix, route by route: 401 without a token, 403 without the role, anything else with it."""
    async with plane.caller(caller) as http:
        for route in ROUTES:
            action = route.guard.action
            if action is None or route.guard.streams:
                continue
            path = "/api" + route.path_format.format_map(_AnyId())
            method = min(route.methods or {"GET"})
            answer = await http.request(method, path, headers=_fence(caller))
            if not caller:
                expected = {401}
            elif POLICY[action].scope(CALLERS[caller]) is Scope.NONE:
                expected = {403}
            else:
                expected = {200, 201, 204, 404, 405, 409, 412, 422} | ({403} if route.path in OWN_ONLY else set())
            assert answer.status_code in expected, f"{caller or 'nobody'} {method} {path}: {answer.text[:200]}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"


async def test_foreign_sessions_cannot_be_seen_let_alone_ended(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user:
        session = await reserve(user, definition)
    expected = {"user": 200, "user2": 404, "author": 404, "manager": 200, "manager2": 404, "admin": 200}
    for name, status in expected.items():
        async with plane.caller(name) as http:
            assert (await http.get(f"/api/lablet-sessions/{session.id}")).status_code == status, name
            listed = await http.get("/api/lablet-sessions", params={"limit": "200"})
            assert (session.id in listed.text) == (status == 200), name
            if status == 404:
                assert (await http.post(f"/api/lablet-sessions/{session.id}/cancel")).status_code == 404


async def test_a_refused_command_leaves_a_trace(plane: PlaneProcess) -> None:
    name = unique("w")
    async with plane.caller("user") as user, plane.caller("admin") as admin:
        assert (await user.post("/api/workers", json={"template_id": "metal-many", "name": name})).status_code == 403
        found = await admin.get("/api/audit", params={"actor": "user", "result": "denied"})
    entry = found.json()["items"][0]
    assert (entry["command"], entry["result"]) == ("worker.create", "denied")


async def test_every_change_is_found_in_the_audit_trail(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user, plane.caller("manager") as manager, plane.caller("manager2") as other:
        session = await reserve(user, definition)
        await user.post(f"/api/lablet-sessions/{session.id}/cancel", json={"reason": "ill"})
        async with asyncio.timeout(10):
            while True:
                items = (await manager.get("/api/audit", params={"target_id": session.id})).json()["items"]
                if len(items) >= 3:
                    break
                await asyncio.sleep(0.05)
        assert {item["command"] for item in items} == {"ReserveSessionCommand", "EndSessionCommand"}
        assert all(item["correlation_id"] for item in items)
        assert (await other.get("/api/audit", params={"target_id": session.id})).json()["items"] == []


async def test_one_key_is_one_effect_however_often_it_is_sent(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    body = {"definition_id": definition, "as_soon_as_possible": True, "duration_minutes": 30}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    async with plane.caller("user") as user, plane.caller("user2") as other:
        answers = await asyncio.gather(*(user.post("/api/lablet-sessions", json=body, headers=key) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
        reused = await user.post("/api/lablet-sessions", json={**body, "duration_minutes": 31}, headers=key)
        assert (reused.status_code, reused.json()["code"]) == (422, "IdempotencyKeyReused")
        foreign = await other.post("/api/lablet-sessions", json=body, headers=key)
        assert foreign.json()["id"] != answers[0].json()["id"], "the key of one caller means nothing for another"


async def test_a_repetition_finds_what_an_attempt_made_whose_answer_was_lost(
    plane: PlaneProcess, plane_settings: dict[str, str]
) -> None:
    definition = await active_definition(plane)
    body = {"definition_id": definition, "as_soon_as_possible": True, "duration_minutes": 30}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    async with plane.caller("user") as user:
        first = await user.post("/api/lablet-sessions", json=body, headers=key)
        await _lose_newest_answer(plane_settings)
        again = await user.post("/api/lablet-sessions", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert "idempotent-replayed" not in again.headers, "the answer was lost, so the request was handled again"


async def _lose_newest_answer(settings: dict[str, str]) -> None:
    """Leave what a process leaves that dies between its commit and its answer, long enough ago to be taken over."""
    client = connect(settings["MONGODB_URI"])
    keys = client[settings["LCM_DATABASE_NAME"]]["idempotency_keys"]
    newest = (await keys.find({}).sort([("created_at", -1)]).limit(1).to_list())[0]
    lost = {"answer": None, "until": newest["created_at"]}
    await keys.update_one({"_id": newest["_id"]}, {"$set": lost})
    await client.close()


async def test_versions_protect_against_changing_what_one_has_not_seen(plane: PlaneProcess) -> None:
    async with plane.caller("admin") as admin:
        name = unique("t")
        spec = {"name": name, "instance_type": "c8i.4xlarge", "capacity": {"cores": 16}, "hourly_cost_usd": 1}
        made = await admin.post("/api/worker-templates", json=spec)
        path, tag = made.headers["location"], made.headers["etag"]
        changed = await admin.put(path, json={**spec, "boot_minutes": 9}, headers={"If-Match": tag})
        assert changed.status_code == 200
        lost = await admin.put(path, json={**spec, "boot_minutes": 11}, headers={"If-Match": tag})
        assert lost.status_code == 412
        assert lost.json()["current_version"] == 2
        unchanged = await admin.get(path, headers={"If-None-Match": changed.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        odd = await admin.put(path, json=spec, headers={"If-Match": "what"})
        assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "If-Match")


async def test_a_replaced_leader_is_refused(plane: PlaneProcess) -> None:
    worker = await running_worker(plane)
    async with plane.etcd() as etcd, plane.controller("worker-controller", "old") as old:
        await old.report_worker(worker.id, ReportWorker(message="still me"))
        await etcd.delete("/lcm-run/elections/worker-controller/0")
        async with plane.controller("worker-controller", "new") as new:
            await new.report_worker(worker.id, ReportWorker(message="now me"))
            with pytest.raises(StaleTerm):
                await old.report_worker(worker.id, ReportWorker(message="me again"))
        async with plane.caller("admin") as admin:
            shown = (await admin.get(f"/api/workers/{worker.id}")).json()
        assert shown["status"]["message"] == "now me"


async def test_a_controller_cannot_write_in_the_name_of_another(plane: PlaneProcess) -> None:
    async with plane.caller("worker-controller") as http:
        fence = {"X-LCM-Controller": "lablet-controller", "X-LCM-Shard": "0", "X-LCM-Term": "9"}
        answer = await http.post("/api/internal/workers/w/report", json={}, headers=fence)
        assert answer.status_code == 403
        heartbeat = {"service": "lablet-controller", "identity": "x"}
        assert (await http.post("/api/internal/controllers/heartbeat", json=heartbeat)).status_code == 403


async def test_only_the_worker_controller_reads_the_license_token(plane: PlaneProcess) -> None:
    worker = await running_worker(plane)
    async with plane.controller("worker-controller") as machines, plane.controller("lablet-controller") as labs:
        assert (await machines.worker_credentials(worker.id)).license_token == "fleet-token"
        seen = await labs.worker_credentials(worker.id)
    assert (seen.cml_username, seen.cml_password, seen.license_token) == ("admin", "fleet-password", "")


async def test_people_sign_in_with_a_password_and_can_be_signed_out_everywhere(plane: PlaneProcess) -> None:
    async with plane.caller() as http, plane.caller("admin") as admin:
        wrong = await http.post("/api/auth/login", json={"username": "user2", "password": "wrong"})
        assert wrong.status_code == 401
        right = await http.post("/api/auth/login", json={"username": "user2", "password": "test"})
        body = right.json()
        assert (body["token_type"], body["expires_in"], body["roles"]) == ("Bearer", 24 * 3600, ["user"])
        mine = {"Authorization": f"Bearer {body['access_token']}"}
        assert (await http.get("/api/auth/user", headers=mine)).json()["department"] == "security"
        assert (await admin.post(f"/api/auth/users/{body['user_id']}/revoke")).status_code == 204
        async with asyncio.timeout(10):
            while (await http.get("/api/auth/user", headers=mine)).status_code != 401:
                await asyncio.sleep(0.05)


async def test_odd_tokens_are_refused(plane: PlaneProcess) -> None:
    tokens = {
        "expired": plane.realm.token("admin", seconds=-3600),
        "for somebody else": plane.realm.token("admin", audience="another-api"),
        "tampered": plane.realm.token("user")[:-6] + "AAAAAA",
        "not a token": "abc",
    }
    async with plane.caller() as http:
        for what, token in tokens.items():
            answer = await http.get("/api/workers", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, what
            assert answer.headers["www-authenticate"].startswith("Bearer"), what


async def test_guessing_passwords_is_slowed_down(plane: PlaneProcess) -> None:
    async with plane.caller() as http:
        guess = {"username": unique("victim"), "password": "guess"}
        statuses = [(await http.post("/api/auth/login", json=guess)).status_code for _ in range(10)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


async def test_unknown_parameters_and_fields_are_named(plane: PlaneProcess) -> None:
    async with plane.caller("admin") as admin:
        odd = await admin.get("/api/workers", params={"colour": "red"})
        assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "query.colour")
        order = await admin.get("/api/workers", params={"sort": "colour"})
        assert order.json()["errors"][0]["field"] == "query.sort"
        body = await admin.post("/api/workers", json={"template_id": "metal-many", "colour": "red"})
        assert body.json()["errors"][0]["field"] == "colour"


async def test_bodies_have_a_limit(plane: PlaneProcess) -> None:
    async with plane.caller("admin") as admin:
        large = await admin.post("/api/lablet-sessions", content=b"x" * (3 * 1024 * 1024))
        assert large.status_code == 413


def _fence(caller: str) -> dict[str, str]:
    """A term that no election has given: a controller that passes its role check is stopped there."""
    return {"X-LCM-Controller": caller, "X-LCM-Shard": "999", "X-LCM-Term": "0"} if caller else {}


class _AnyId(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"wish": "stop", "action": "start"}.get(key, "no-such-id")
