"""A picture in which everything is in order, for tests that spoil one thing."""

from datetime import UTC, datetime, timedelta

from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.etcd.values import encode_value
from tests.chaos.picture import Bookings, Document, Picture

NOW = datetime(2031, 5, 6, 9, 0, tzinfo=UTC)
KEY = "/lcm/sessions/s1/state"


def a_claim(claim_id: str, *, start: int = 0, minutes: int = 60, cores: int = 4, port: int = 2000) -> ClaimView:
    """A claim on worker w1."""
    begin = NOW + timedelta(minutes=start)
    return ClaimView(
        claim_id=claim_id,
        worker_id="w1",
        session_id="s1",
        resources=Resources(cores=cores),
        ports={"R1": port},
        start=begin,
        end=begin + timedelta(minutes=minutes),
    )


def a_worker(phase: str = "running") -> Document:
    """Worker w1 with eight cores."""
    capacity = {"cores": 8, "memory_mb": 0, "storage_gb": 0, "nodes": 0}
    return {"_id": "w1", "status": {"phase": phase, "message": "", "capacity": capacity, "history": []}}


def an_instance(instance_id: str = "i-1", state: str = "running") -> Document:
    """The machine of w1."""
    return {"instance_id": instance_id, "state": state, "tags": {"lcm:worker-id": "w1"}}


def a_session(phase: str = "terminated", outcome: str | None = "completed") -> Document:
    """Session s1, reserved with the note n1 until ten o'clock."""
    status: Document = {"phase": phase, "outcome": outcome, "message": "", "history": [], "placements_tried": 1}
    return {"_id": "s1", "spec": {"note": "n1", "slot": {"end": "2031-05-06T10:00:00Z"}}, "status": status}


def a_move(version: int, previous: str, phase: str) -> Document:
    """The event of a move of s1."""
    return an_event(version, "SessionMoved", previous=previous, phase=phase)


def an_event(version: int, kind: str, number: int = 0, **data: str) -> Document:
    """An event of s1."""
    return {
        "kind": "session",
        "aggregate_id": "s1",
        "version": version,
        "number": number,
        "type": kind,
        "data": data,
    }


def in_order() -> Picture:
    """A session that was cancelled while it waited, and a worker that is gone."""
    return Picture(
        bookings=Bookings([], [a_worker("terminated")], [an_instance(state="terminated")]),
        sessions=[a_session()],
        events=[an_event(1, "SessionReserved"), a_move(2, "pending", "terminated")],
        versions={("session", "s1"): 2},
        expected={KEY: encode_value(2, {"phase": "terminated"})},
        shown={KEY: encode_value(2, {"phase": "terminated", "traceparent": "00-1"})},
    )
