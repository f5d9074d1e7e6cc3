"""Previews, the calendar, and reservations that could never be kept."""

from datetime import timedelta

from domain_samples import derived_content
from flows import active_definition, declare, place, place_wish, reserve, running_worker, unique
from plane_process import PlaneProcess

from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import SyncResult


async def test_the_calendar_shows_what_is_booked_and_what_it_costs(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("resource-scheduler") as scheduler:
        session = await reserve(user, definition, hours=500)
        assert (await place(scheduler, place_wish(session, worker.id, cores=7))).status == 200
        window = {
            "start": (session.spec.slot.start - timedelta(hours=2)).isoformat(),
            "end": (session.spec.slot.end + timedelta(hours=2)).isoformat(),
            "step_minutes": "60",
        }
        steps = (await user.get("/api/capacity/calendar", params=window)).json()["steps"]
        assert [step["used"]["cores"] for step in steps][2] == 7
        assert steps[0]["sessions"] == 0
        assert steps[2]["cost_usd"] > 0
        backwards = {**window, "end": window["start"]}
        assert (await user.get("/api/capacity/calendar", params=backwards)).status_code == 422


async def test_a_preview_names_the_worker_and_writes_nothing(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with plane.caller("user") as user:
        before = (await user.get("/api/lablet-sessions", params={"limit": "1"})).json()["total"]
        asked = {"definition_id": definition, "as_soon_as_possible": True, "duration_minutes": 30}
        found = (await user.post("/api/placement/preview", json=asked)).json()
        assert found["outlook"] == "placed", found
        assert found["worker_name"]
        after = (await user.get("/api/lablet-sessions", params={"limit": "1"})).json()["total"]
        assert before == after
        unknown = await user.post("/api/placement/preview", json={**asked, "definition_id": unique("no")})
        assert unknown.json()["errors"][0]["field"] == "definition_id"
    assert worker.id


async def test_a_reservation_that_no_fleet_could_keep_is_refused_with_the_numbers(plane: PlaneProcess) -> None:
    async with plane.caller("author") as author, plane.controller("lablet-controller") as lablets:
        key = await declare(author, unique("giant"))
        content = derived_content().model_copy(update={"estimated": Resources(cores=100_000), "node_count": 5})
        await lablets.sync_result(key, SyncResult(observed_generation=1, content=content))
    async with plane.caller("user") as user:
        asked = {"definition_id": key, "as_soon_as_possible": True}
        refused = await user.post("/api/lablet-sessions", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (409, "NoCapacityInSlot")
        preview = (await user.post("/api/placement/preview", json=asked)).json()
        assert preview["outlook"] == "refused"
        assert preview["rejections"]
