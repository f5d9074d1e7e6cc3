"""Each invariant accepts a picture in which it holds and tells a counter-example of one in which it does not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from domain_samples import LIMITS, NOW, a_session, a_worker, placing

from control_plane_api.application.invariants.catalog import BY_NAME, INVARIANTS, violations
from control_plane_api.application.invariants.facts import session_fact, worker_fact
from control_plane_api.application.invariants.picture import (
    ClaimFact,
    KeyFact,
    LabFact,
    Picture,
    Place,
    Projection,
    SessionFact,
    WorkerFact,
)
from lcm_core.contracts.common import Resources
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import LabPhase, SessionOutcome, SessionPhase, WorkerFinalizer, WorkerPhase

S, W = SessionPhase, WorkerPhase
HOUR = timedelta(hours=1)
NEED = Resources(cores=4, memory_mb=8192)
PORTS = {"r1:serial": 2000}
PLACE = Place("w1", "c1", NOW, NOW + HOUR, NEED, PORTS)
RUNNING = SessionFact(
    "s1",
    S.RUNNING,
    NOW + HOUR,
    place=PLACE,
    history=(S.PENDING, S.SCHEDULED, S.INSTANTIATING, S.READY, S.RUNNING),
    signals=("lds#1",),
    cml_lab_id="lab1",
    user_session_id="us-s1",
)
OVER = SessionFact(
    "s0",
    S.TERMINATED,
    NOW - HOUR,
    SessionOutcome.CANCELLED,
    history=(S.PENDING, S.TERMINATED),
)
WORKER = WorkerFact(
    "w1",
    W.RUNNING,
    Resources(cores=8, memory_mb=16384, storage_gb=10, nodes=10),
    history=(W.PENDING, W.PROVISIONING, W.STARTING, W.RUNNING),
    instance_id="i-1",
    need_id="n1",
)
CLAIM = ClaimFact("c1", "w1", "s1", NOW - HOUR / 4, NOW + HOUR * 1.1, NEED, PORTS)
LAB = LabFact("l1", "w1", "lab1", LabPhase.BOOTED, session_id="s1")
KEY = KeyFact("/lcm/sessions/s1/state", Projection(5, "{}"), Projection(5, "{}"), frozenset({"phase", "refs"}), 80)


def picture(
    *sessions: SessionFact,
    workers: Iterable[WorkerFact] = (WORKER,),
    claims: Iterable[ClaimFact] = (CLAIM,),
    labs: Iterable[LabFact] = (LAB,),
    keys: Iterable[KeyFact] = (KEY,),
    counted: Iterable[tuple[str, str]] = (("owner:user", "s1"),),
    waiting_events: Iterable[str] = (),
    unreadable: Iterable[str] = (),
    hours_later: float = 0,
) -> Picture:
    """What is usual, but for what a test names; a session replaces the usual one of its id."""
    known = {session.id: session for session in (RUNNING, OVER, *sessions)}
    return Picture(
        at=NOW + HOUR * hours_later,
        sessions=known,
        workers={worker.id: worker for worker in workers},
        claims=tuple(claims),
        labs=tuple(labs),
        keys=tuple(keys),
        counted=tuple(counted),
        waiting_events=tuple(waiting_events),
        unreadable=tuple(unreadable),
    )


def another(**changes: object) -> SessionFact:
    """A second session on the same worker."""
    place = replace(PLACE, claim_id="c2", ports={})
    return replace(RUNNING, id="s2", place=place, cml_lab_id="lab2", **changes)  # type: ignore[arg-type]


SECOND = ClaimFact("c2", "w1", "s2", CLAIM.start, CLAIM.end, NEED)

BROKEN = [
    ("session-path", picture(replace(RUNNING, history=(S.PENDING, S.RUNNING))), "went from pending to running"),
    ("session-path", picture(replace(RUNNING, phase=S.COLLECTING)), "its last recorded step led to running"),
    ("session-path", picture(replace(RUNNING, history=(S.READY, S.RUNNING))), "began as ready"),
    ("session-outcome", picture(replace(OVER, outcome=None)), "terminated without an outcome"),
    (
        "session-outcome",
        picture(replace(OVER, phase=S.PENDING, history=(S.PENDING,))),
        "is pending and has the outcome cancelled",
    ),
    ("session-place", picture(replace(RUNNING, place=None), claims=()), "is running without a place"),
    (
        "session-place",
        picture(replace(RUNNING, phase=S.PENDING, history=(S.PENDING,))),
        "waits for a place and has one on worker w1",
    ),
    ("session-ends", picture(hours_later=6, claims=()), "still running 5 hours after the end of its slot"),
    ("signal-once", picture(replace(RUNNING, signals=("lds#1", "lds#1"))), "told of lds#1 twice"),
    ("event-attached", picture(waiting_events=["lds#2"]), "lds#2 was accepted and no session has been told"),
    (
        "claims-fit",
        picture(another(), claims=(CLAIM, replace(SECOND, resources=Resources(cores=5, memory_mb=8192)))),
        "offers 8 cores and 9 are claimed at 2031-05-06T08:45:00+00:00, by sessions s1, s2",
    ),
    ("ports-unique", picture(another(), claims=(CLAIM, replace(SECOND, ports=PORTS))), "Port 2000 of worker w1"),
    ("ports-unique", picture(claims=(replace(CLAIM, ports={"a": 2000, "b": 2000}),)), "session s1 (a)"),
    ("ports-unique", picture(claims=(replace(CLAIM, ports={"a": 80}),)), "which offers 2000-7999"),
    ("claim-held", picture(claims=(CLAIM, replace(SECOND, session_id="s1"))), "is running and does not hold it"),
    ("claim-held", picture(claims=(CLAIM, replace(SECOND, session_id="s0"))), "s0, which is terminated"),
    ("claim-held", picture(claims=(CLAIM, SECOND)), "of session s2, which does not exist"),
    ("claim-held", picture(claims=(CLAIM, replace(SECOND, worker_id="w9"))), "a worker that does not exist"),
    ("place-claimed", picture(claims=()), "its claim c1 is not held there"),
    ("place-claimed", picture(claims=(replace(CLAIM, session_id="s9"),)), "its claim c1 is of session s9"),
    ("place-claimed", picture(claims=(replace(CLAIM, end=NOW),)), "and not the whole of"),
    ("place-claimed", picture(claims=(replace(CLAIM, ports={}),)), "other resources or ports"),
    ("place-exists", picture(workers=(replace(WORKER, phase=W.TERMINATED),)), "on worker w1, which is gone"),
    ("place-exists", picture(workers=()), "on worker w1, which is gone"),
    ("worker-path", picture(workers=(replace(WORKER, history=(W.PENDING, W.RUNNING)),)), "from pending to running"),
    ("instance-once", picture(workers=(WORKER, replace(WORKER, id="w2"))), "Workers w1 and w2 both have instance i-1"),
    ("instance-once", picture(workers=(replace(WORKER, instance_id=""),)), "is running without an instance"),
    ("need-once", picture(workers=(WORKER, replace(WORKER, id="w2"))), "n1 was answered with workers w1 and w2"),
    (
        "worker-gone",
        picture(workers=(replace(WORKER, phase=W.TERMINATED, finalizers=(WorkerFinalizer.LICENSE,)),)),
        "has not given back: license",
    ),
    (
        "nothing-held",
        picture(replace(OVER, cml_lab_id="lab0", user_session_id="us-s0")),
        "still holds lab lab0 and its delivery session",
    ),
    ("lab-owned", picture(labs=(replace(LAB, session_id="s0"),)), "is booted for session s0, which is over"),
    ("lab-owned", picture(labs=(replace(LAB, session_id="s9"),)), "s9, which does not exist"),
    ("lab-unshared", picture(replace(another(), cml_lab_id="lab1")), "belongs to sessions s1 and s2"),
    ("quota-counts-living", picture(counted=[("owner:user", "s0")]), "s0 counts against owner:user and is over"),
    ("document-readable", picture(unreadable=["sessions/s9"]), "document sessions/s9 cannot be read"),
    ("etcd-equals-database", picture(keys=(replace(KEY, stored=None),)), "that the database does not have"),
    ("etcd-equals-database", picture(keys=(replace(KEY, shown=None, size=0),)), "etcd shows nothing"),
    ("etcd-equals-database", picture(keys=(replace(KEY, shown=None),)), "a value that cannot be read"),
    (
        "etcd-equals-database",
        picture(keys=(replace(KEY, shown=Projection(4, "{}")),)),
        "etcd shows version 4, the database holds version 5",
    ),
    (
        "etcd-equals-database",
        picture(keys=(replace(KEY, shown=Projection(5, '{"phase":"ready"}')),)),
        "otherwise than the database",
    ),
    (
        "etcd-summaries-only",
        picture(keys=(replace(KEY, fields=frozenset({"phase", "launch_url"})),)),
        "do not belong into etcd: launch_url",
    ),
    ("etcd-summaries-only", picture(keys=(replace(KEY, size=5000),)), "takes 5000 bytes"),
]


def test_nothing_is_wrong_with_a_usual_picture() -> None:
    assert violations(picture()) == []
    assert violations(Picture(at=NOW)) == []


@pytest.mark.parametrize(("name", "broken", "told"), BROKEN, ids=[f"{row[0]}: {row[2][:40]}" for row in BROKEN])
def test_a_broken_promise_is_told_with_a_counter_example(name: str, broken: Picture, told: str) -> None:
    sentences = [violation.sentence for violation in BY_NAME[name].check(broken)]
    assert any(told in sentence for sentence in sentences), sentences
    assert all(violation.invariant == name for violation in BY_NAME[name].check(broken))


def test_every_invariant_has_a_broken_picture() -> None:
    assert {row[0] for row in BROKEN} == {invariant.name for invariant in INVARIANTS} == set(BY_NAME)


def test_claims_one_after_the_other_may_use_the_same_capacity_and_ports() -> None:
    after = replace(SECOND, start=CLAIM.end, end=CLAIM.end + HOUR, resources=WORKER.capacity, ports=PORTS)
    whole = replace(CLAIM, resources=WORKER.capacity)
    seen = picture(another(), claims=(whole, after))
    assert list(BY_NAME["claims-fit"].check(seen)) == []
    assert list(BY_NAME["ports-unique"].check(seen)) == []


def test_a_lab_on_a_machine_that_cannot_be_reached_is_nobodys_fault() -> None:
    seen = picture(labs=(replace(LAB, session_id="s0"),), workers=(replace(WORKER, phase=W.FAILED),))
    assert list(BY_NAME["lab-owned"].check(seen)) == []


def test_the_aggregates_own_views_make_facts() -> None:
    session, worker = a_session(), a_worker()
    session.place(placing("s1", 1), "w1", NOW, LIMITS)
    placed = session_fact(session.view(SessionView))
    assert placed.history == (S.PENDING, S.SCHEDULED)
    assert placed.place is not None
    assert (placed.place.worker_id, placed.place.claim_id) == ("w1", "c1")
    wanted = worker_fact(worker.view(WorkerView))
    assert (wanted.phase, wanted.history, len(wanted.finalizers)) == (W.PENDING, (W.PENDING,), 3)
    claim = ClaimFact("c1", "w1", "s1", placed.place.start, placed.place.end, placed.place.resources, {})
    seen = Picture(at=NOW, sessions={"s1": placed}, workers={"w1": wanted}, claims=(claim,))
    assert violations(seen) == []
