"""Dynamic settings and quotas, and what the sweeper completes."""

import asyncio

import pytest
from domain_samples import LIMITS, NOW, a_claim, a_session, placing
from flows import active_definition, reserve, unique
from plane_process import PlaneProcess

from control_plane_api.application.sweeping.sweeper import ORPHAN_SECONDS, Sweeper, orphans
from control_plane_api.composition.stores import Stores
from control_plane_api.domain.worker.claim_check import ClaimLimits
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.quota_usage import MongoQuotaUsage
from control_plane_api.settings import Settings
from lcm_core.clock import ManualClock
from lcm_core.contracts.common import Resources
from lcm_core.contracts.sessions import InboundEvent
from lcm_core.contracts.workers import PortRange
from lcm_core.domain.vocabulary import SignalType


async def test_settings_have_versions_and_say_what_changed(plane: PlaneProcess) -> None:
    async with plane.caller("admin") as admin, plane.caller("user") as user:
        before = await admin.get("/api/settings")
        spec = before.json()["spec"]
        changed = await admin.put(
            "/api/settings", json={**spec, "labs_refresh_minutes": 45}, headers={"If-Match": before.headers["etag"]}
        )
        assert changed.json()["spec"]["labs_refresh_minutes"] == 45
        lost = await admin.put("/api/settings", json=spec, headers={"If-Match": before.headers["etag"]})
        assert lost.status_code == 412
        odd = await admin.put("/api/settings", json={**spec, "labs_refresh_minutes": 0})
        assert odd.json()["errors"][0]["field"] == "labs_refresh_minutes"
        assert (await user.get("/api/settings")).status_code == 403
        async with asyncio.timeout(10):
            while True:
                trail = (await admin.get("/api/audit", params={"target_id": "platform"})).text
                if "30 → 45" in trail or "30 \\u2192 45" in trail:
                    break
                await asyncio.sleep(0.05)
        await admin.put("/api/settings", json=spec)


async def test_a_quota_holds_under_concurrent_reservations_and_frees_with_the_session(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("admin") as admin, plane.caller("author") as author:
        start = len((await author.get("/api/lablet-sessions", params={"limit": "200"})).json()["items"])
        assert start == 0
        assert (await admin.put("/api/quotas/owner/author", json={"max_sessions": 2})).status_code == 200
        body = {"definition_id": definition, "as_soon_as_possible": True, "duration_minutes": 30}
        answers = await asyncio.gather(*(author.post("/api/lablet-sessions", json=body) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["code"] == "QuotaExceeded"
        mine = {item["scope"]: item for item in (await author.get("/api/quotas/mine")).json()["items"]}
        assert (mine["owner"]["max_sessions"], mine["owner"]["used"]) == (2, 2)
        taken = next(answer for answer in answers if answer.status_code == 201)
        await author.post(f"/api/lablet-sessions/{taken.json()['id']}/cancel")
        await reserve(author, definition)
        assert (await admin.delete("/api/quotas/owner/author")).status_code == 204
        await reserve(author, definition, hours=3)


async def test_of_fifty_concurrent_holds_exactly_the_limit_wins(database: Database) -> None:
    usage = MongoQuotaUsage(database)
    held = await asyncio.gather(*(usage.hold("owner:user", f"s{number}", 7) for number in range(50)))
    assert sum(held) == 7
    assert (await usage.used(["owner:user"])) == {"owner:user": 7}
    winner = next(f"s{number}" for number, got in enumerate(held) if got)
    assert await usage.hold("owner:user", winner, 7), "asking again is fine"


async def test_a_place_is_not_refused_because_somebody_else_began_the_count_meanwhile(database: Database) -> None:
    class Interrupted(MongoQuotaUsage):
        async def _try(self, key: str, session_id: str, limit: int) -> bool:
            got = await super()._try(key, session_id, limit)
            if not got and not await self.used([key]):
                assert await MongoQuotaUsage(database).hold(key, "first", limit)
            return got

    assert await Interrupted(database).hold("owner:user", "second", 2)
    assert not await Interrupted(database).hold("owner:user", "third", 2)


async def test_a_limit_set_later_counts_the_sessions_there_are(database: Database) -> None:
    await database["sessions"].insert_one({"_id": "old", "spec": {"owner": "user"}, "status": {"phase": "running"}})
    usage = MongoQuotaUsage(database)
    assert not await usage.hold("owner:user", "new", 1)


async def test_the_sweeper_releases_what_nobody_holds_and_attaches_what_was_left(
    stores: tuple[Stores, Settings], database: Database
) -> None:
    made, settings = stores
    clock = ManualClock()
    sweeper = Sweeper(made.deps(settings), made.claims, made.artifacts, clock)
    await made.sessions.add(a_session("s1"))
    event = InboundEvent(
        source="/lds", id=unique("e"), type="lds.session.started.v1", signal=SignalType.LDS_STARTED, session_id="s1"
    )
    await made.inbound.insert([event], NOW)
    limits = ClaimLimits(Resources(cores=8), PortRange())
    await made.claims.acquire("w1", limits, [a_claim("orphan")])
    await made.quota_usage.hold("owner:user", "never-stored", 5)
    await sweeper.sweep()
    assert len((await made.sessions.get("s1")).status.signals) == 1
    clock.advance(ORPHAN_SECONDS - 1)
    await sweeper.sweep()
    assert len(await made.claims.of_worker("w1", NOW, None)) == 1, "a placement may be under way"
    clock.advance(2)
    await sweeper.sweep()
    assert await made.claims.of_worker("w1", NOW, None) == []
    assert await made.quota_usage.holders() == [("owner:user", "s1")], "only the session that exists counts"
    await made.close()


def test_a_claim_left_on_another_worker_is_an_orphan_even_under_the_id_of_the_one_that_is_held() -> None:
    session = a_session("session-of-c")
    session.place(placing(session.key, 1, worker_id="w2", claim_id="c"), "w2", NOW, LIMITS)
    held, left = a_claim("c", worker_id="w2"), a_claim("c", worker_id="w1")
    assert orphans([held, left], {session.key: session}) == [left]


async def test_fleet_secrets_are_sealed_and_follow_the_settings(
    stores: tuple[Stores, Settings], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = stores
    for password in ("first-password", "second-password"):
        monkeypatch.setenv("LCM_CML_PASSWORD", password)
        await made.seed(Settings())
        assert await made.vault.read("cml/password") == password
        stored = await database["secrets"].find_one({"_id": "cml/password"})
        assert password not in str(stored)
    await made.templates.remove("metal-many")
    await made.seed(Settings())
    assert await made.templates.find("metal-many") is None, "what was deleted stays deleted"
    await made.close()
