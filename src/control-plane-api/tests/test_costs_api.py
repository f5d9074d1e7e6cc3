"""What sessions cost, by owner and department, and who sees whose."""

from datetime import timedelta

import httpx
import pytest
from domain_samples import NOW, a_session, all_good
from flows import active_definition, place, place_wish, reserve, unique
from plane_process import PlaneProcess

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.capacity.queries import cost_queries
from control_plane_api.application.errors import InvalidError
from control_plane_api.composition.stores import Stores
from control_plane_api.settings import Settings
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.costs import CostGrouping
from lcm_core.contracts.sessions import SessionView, TransitionSession
from lcm_core.contracts.workers import CmlInfo, ReportWorker
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase

HOURLY = 360_000.0
"""A worker so dear that every moment of a session shows."""
HOURS = 6_000
"""No other test has sessions as late as these."""


async def dear_worker(plane: PlaneProcess) -> str:
    """The id of a worker that takes sessions, of a template that nothing else is launched from."""
    spec = {
        "name": unique("dear"),
        "instance_type": "m5zn.metal",
        "capacity": {"cores": 48, "memory_mb": 196_608, "storage_gb": 256, "nodes": 200},
        "hourly_cost_usd": HOURLY,
    }
    async with plane.caller("admin") as admin, plane.controller("worker-controller") as workers:
        template = await admin.post("/api/worker-templates", json=spec)
        assert template.status_code == 201, template.text
        made = await admin.post("/api/workers", json={"template_id": template.json()["id"], "name": unique("w")})
        assert made.status_code == 201, made.text
        key = str(made.json()["id"])
        for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
            report = ReportWorker(
                phase=phase, reason="Seen", message=str(phase), conditions=all_good(), cml=CmlInfo(ready=True)
            )
            await workers.report_worker(key, report)
    return key


async def build(lablets: ControlPlaneClient, session: SessionView) -> None:
    """Go as far as a learner at work."""
    for phase in (SessionPhase.INSTANTIATING, SessionPhase.READY, SessionPhase.RUNNING):
        await lablets.transition(session.id, TransitionSession(to=phase, reason="Seen", message=str(phase)))


async def costs(plane: PlaneProcess, name: str, **params: str) -> httpx.Response:
    async with plane.caller(name) as http:
        return await http.get("/api/costs", params=params)


def around(session: SessionView) -> dict[str, str]:
    """A window that the session only touches."""
    middle = session.spec.slot.start + timedelta(minutes=30)
    return {"start": middle.isoformat(), "end": (middle + timedelta(hours=1)).isoformat()}


async def test_each_sees_the_cost_of_whom_the_table_says_so_far_and_forecast(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await dear_worker(plane)
    async with plane.caller("user") as user, plane.caller("user2") as user2:
        runs = await reserve(user, definition, hours=HOURS)
        await reserve(user2, definition, hours=HOURS)
    async with plane.controller("resource-scheduler") as scheduler:
        assert (await place(scheduler, place_wish(runs, worker))).status == 200
    async with plane.controller("lablet-controller") as lablets:
        await build(lablets, runs)

    answer = (await costs(plane, "admin", **around(runs))).json()
    assert [line["name"] for line in answer["items"]] == ["user", "user2"], "the greatest forecast first"
    first, second = answer["items"]
    assert first["cost_usd"] > 0
    share = HOURLY * 4 / 48
    assert first["forecast_usd"] == pytest.approx(share * (HOURS + 1), rel=0.001)
    assert second["cost_usd"] == 0
    assert 0 < second["forecast_usd"] < 10, "an hour on the cheapest worker that is large enough"
    assert answer["sessions"] == 2
    assert answer["forecast_usd"] == pytest.approx(first["forecast_usd"] + second["forecast_usd"], abs=0.001)
    later = (await costs(plane, "admin", **around(runs))).json()["items"][0]
    assert later["cost_usd"] > first["cost_usd"], "a running session costs more every moment"

    departments = (await costs(plane, "admin", by="department", **around(runs))).json()["items"]
    assert [line["name"] for line in departments] == ["networking", "security"]
    for name, owners in {
        "manager": ["user"],
        "manager2": ["user2"],
        "user": ["user"],
        "user2": ["user2"],
        "author": [],
    }.items():
        seen = (await costs(plane, name, **around(runs))).json()
        assert ([line["name"] for line in seen["items"]], seen["sessions"]) == (owners, len(owners)), name


async def test_a_session_counts_only_in_windows_that_its_slot_touches(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user:
        slot = (await reserve(user, definition, hours=HOURS + 100)).spec.slot
    day = timedelta(days=1)
    for start, end, sessions in (
        (slot.start - day, slot.start, 0),
        (slot.start - day, slot.start + timedelta(milliseconds=1), 1),
        (slot.end - timedelta(milliseconds=1), slot.end + day, 1),
        (slot.end, slot.end + day, 0),
    ):
        answer = await costs(plane, "user", start=start.isoformat(), end=end.isoformat())
        assert answer.json()["sessions"] == sessions, (start, end, answer.text)


async def test_a_window_that_is_none_or_too_long_is_refused(plane: PlaneProcess) -> None:
    for start, end in (
        ("2031-01-02T00:00:00Z", "2031-01-01T00:00:00Z"),
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        ("2031-01-01T00:00:00Z", "2032-03-01T00:00:00Z"),
    ):
        refused = await costs(plane, "admin", start=start, end=end)
        assert (refused.status_code, refused.json()["code"]) == (422, "BadWindow")
    assert (await costs(plane, "admin", by="planet")).status_code == 422


async def test_without_a_window_it_is_a_month_back_and_a_month_ahead(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user:
        before = (await costs(plane, "user")).json()["sessions"]
        await reserve(user, definition, hours=29 * 24)
        await reserve(user, definition, hours=31 * 24)
    assert (await costs(plane, "user")).json()["sessions"] == before + 1


async def test_too_many_sessions_are_refused_rather_than_left_out(
    stores: tuple[Stores, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, settings = stores
    for key in ("s1", "s2", "s3"):
        await made.sessions.add(a_session(key))
    reader = cost_queries.CostsReader(made.deps(settings))
    admin = Principal("1", "admin", frozenset({"admin"}))
    query = cost_queries.CostsQuery(admin, NOW, NOW + timedelta(days=1), CostGrouping.OWNER)
    monkeypatch.setattr(cost_queries, "SESSIONS_LIMIT", 3)
    assert (await reader.handle_async(query)).sessions == 3
    monkeypatch.setattr(cost_queries, "SESSIONS_LIMIT", 2)
    with pytest.raises(InvalidError, match="narrow it"):
        await reader.handle_async(query)
    await made.client.drop_database(made.database.name)
    await made.close()
