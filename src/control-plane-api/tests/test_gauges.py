"""What the control plane counts for Prometheus."""

from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY

from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.gauges import Gauges
from lcm_core.clock import SystemClock


def session(name: str, phase: str, start: str, *, soon: bool = False) -> dict[str, object]:
    return {
        "_id": name,
        "status": {"phase": phase},
        "spec": {"as_soon_as_possible": soon, "slot": {"start": start}},
        "outbox": [{"n": 1}] if name in ("late", "running") else [],
        # The running one has just been changed: its events are on their way.
        "updated_at": datetime.now(UTC) - timedelta(seconds=0 if name == "running" else 30),
    }


async def test_phases_late_sessions_and_the_backlog_are_counted(database: Database) -> None:
    past, future = "2020-01-01T10:00:00Z", f"{datetime.now(UTC).year + 1}-01-01T10:00:00Z"
    await database["sessions"].insert_many(
        [
            session("late", "scheduled", past),
            session("in-time", "scheduled", future),
            session("queued", "pending", past, soon=True),
            session("running", "running", past),
        ]
    )
    await database["workers"].insert_one({"_id": "w", "status": {"phase": "running"}})
    await database["tasks"].insert_one({"_id": "t", "status": {"phase": "open"}})
    await Gauges(database, SystemClock()).count()
    assert REGISTRY.get_sample_value("lcm_sessions", {"phase": "scheduled"}) == 2
    assert REGISTRY.get_sample_value("lcm_workers", {"phase": "running"}) == 1
    assert REGISTRY.get_sample_value("lcm_tasks_open") == 1
    assert REGISTRY.get_sample_value("lcm_sessions_late") == 1
    assert REGISTRY.get_sample_value("lcm_outbox_documents", {"collection": "sessions"}) == 1
