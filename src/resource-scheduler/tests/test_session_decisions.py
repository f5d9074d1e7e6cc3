"""What the scheduler decides about sessions: order, refusals with their reasons, launches."""

from datetime import timedelta

from pictures import LAB, WHOLE, after, claim, places, reasons, world
from worlds import NOW, definition, session, template, worker

from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import Requirements
from lcm_core.contracts.workers import (
    InstanceInfo,
    UnmanagedUsage,
    WorkerPhaseChange,
)
from lcm_core.domain.vocabulary import LicenseType, WorkerPhase
from lcm_core.placement.instants import micros
from resource_scheduler.decide import decide
from resource_scheduler.settings import SchedulerSettings

# Queue ---------------------------------------------------------------------------------------------------------


def test_bookings_are_served_before_sessions_that_run_as_soon_as_possible() -> None:
    soon = session("soon", WHOLE, soon=True, minutes=240, created=NOW - timedelta(hours=1))
    booked = session("booked", WHOLE, start=after(120), created=NOW)
    plan = decide(world([soon, booked], [worker("w1")]), SchedulerSettings())
    assert places(plan) == {"booked": "w1", "soon": "w1"}
    starts = {entry.placed.demand.session_id: entry.placed.start for entry in plan.placements}
    assert starts["booked"] == micros(after(120))
    assert starts["soon"] >= micros(after(120 + 60))


def test_a_short_session_fills_the_gap_before_a_booking() -> None:
    short = session("short", WHOLE, soon=True, minutes=30, lead=5)
    booked = session("booked", WHOLE, start=after(90))
    plan = decide(world([short, booked], [worker("w1")]), SchedulerSettings())
    starts = {entry.placed.demand.session_id: entry.placed.held_from for entry in plan.placements}
    assert starts["short"] == micros(NOW)


def test_owners_take_turns() -> None:
    crowd = [session(f"a{number}", WHOLE, start=after(60), owner="ann") for number in range(3)]
    late = session("b0", WHOLE, start=after(60), owner="bob", created=after(1))
    plan = decide(world([*crowd, late], [worker("w1"), worker("w2")]), SchedulerSettings())
    assert set(places(plan)) == {"a0", "b0"}


def test_an_owner_who_holds_places_already_stands_behind() -> None:
    picture = world(
        [session("a", WHOLE, start=after(60)), session("b", WHOLE, start=after(60), owner="bob")], [worker("w1")]
    )
    picture.places_held = {"ann": 1}
    assert set(places(decide(picture, SchedulerSettings()))) == {"b"}


def test_priority_goes_before_turns() -> None:
    first = session("a", WHOLE, start=after(60))
    urgent = session("u", WHOLE, start=after(60), priority=5, created=after(1))
    plan = decide(world([first, urgent], [worker("w1")]), SchedulerSettings())
    assert set(places(plan)) == {"u"}


def test_a_booking_beyond_the_horizon_stays_a_reservation_until_it_comes_near() -> None:
    far = session("far", LAB, start=after(30 * 60))
    plan = decide(world([far], [worker("w1")]), SchedulerSettings())
    assert reasons(plan) == {"far": "BeyondHorizon"}
    assert plan.next_at is not None
    near = decide(world([far], [worker("w1")], now=after(6 * 60)), SchedulerSettings())
    assert places(near) == {"far": "w1"}


def test_a_session_that_waited_too_long_expires() -> None:
    late = session("late", LAB, start=after(-15), deadline=after(-5))
    plan = decide(world([late], [worker("w1")]), SchedulerSettings())
    assert [(order.session_id, order.reason) for order in plan.expired] == [("late", "NoPlaceInTime")]
    assert plan.placements == []


# Refusals and their reasons ------------------------------------------------------------------------------------


def test_each_worker_says_why_it_cannot() -> None:
    personal = template("personal", license_type=LicenseType.PERSONAL)
    asked = Requirements(cml_version_range=">=2.10,<3")
    lab = definition("big", needs=Resources(cores=1, memory_mb=1, nodes=21), requirements=asked)
    old = worker("old")
    old.status.cml.version = "2.9.1"
    draining = worker("draining")
    draining.spec.drain = True
    fleet = [worker("small", made_from=personal), old, draining, worker("ill", schedulable=False)]
    plan = decide(world([session("s", lab, start=after(60))], fleet, definitions=[lab]), SchedulerSettings())
    told = {each.worker_id: (each.filter, each.message) for each in plan.waiting[0].refused}
    assert told == {
        "small": ("size", "small may run 20 nodes under its personal license; 21 are needed."),
        "old": ("cml-version", "old runs CML 2.9.1, which is outside the definition's range."),
        "draining": ("drain", "draining is being drained."),
        "ill": ("health", "ill is not usable: its layers have not been checked yet."),
    }


def test_labs_that_nobody_manages_count_against_a_worker() -> None:
    taken = worker("w1")
    taken.status.unmanaged = UnmanagedUsage(labs=1, resources=Resources(cores=45, nodes=3), ports=[2000])
    plan = decide(world([session("s", LAB, start=after(60))], [taken]), SchedulerSettings())
    assert plan.waiting[0].refused[0].message == "w1 has 3 cores in all; 4 are needed."
    taken.status.unmanaged = UnmanagedUsage(labs=1, resources=Resources(cores=40), ports=[2000])
    plan = decide(world([session("s", LAB, start=after(60))], [taken]), SchedulerSettings())
    assert plan.placements[0].placed.ports == {"P0": 2001, "P1": 2002}


# Scale-up ------------------------------------------------------------------------------------------------------


def test_a_worker_is_launched_when_boot_lead_and_boot_time_say_so_and_not_before() -> None:
    booked = session("s", LAB, start=after(120))
    early = decide(world([booked], templates=[template()]), SchedulerSettings())
    assert early.launches == []
    assert reasons(early) == {"s": "LaunchPlanned"}
    # 15 minutes boot lead, 10 minutes boot, 3 minutes slack.
    assert early.next_at is not None
    due = decide(world([booked], templates=[template()], now=after(120 - 28)), SchedulerSettings())
    assert [order.need_id for order in due.launches] == ["need:t-metal:us-east-1:1"]
    assert reasons(due) == {"s": "LaunchingWorker"}


def test_the_same_picture_asks_for_the_same_needs_and_a_later_one_for_new_ones() -> None:
    sessions = [session(f"s{number}", WHOLE, start=after(20)) for number in range(2)]
    first = decide(world(sessions, templates=[template()]), SchedulerSettings())
    again = decide(world(sessions, templates=[template()]), SchedulerSettings())
    assert [order.need_id for order in first.launches] == [order.need_id for order in again.launches]
    gone = worker("old", phase=WorkerPhase.TERMINATED, need_id="need:t-metal:us-east-1:7")
    later = decide(world(sessions, [gone], templates=[template()]), SchedulerSettings())
    assert [order.need_id for order in later.launches] == ["need:t-metal:us-east-1:8", "need:t-metal:us-east-1:9"]


def test_unplaced_sessions_are_batched_into_the_cheapest_set() -> None:
    small = template("small", capacity=Resources(cores=8, memory_mb=32768, storage_gb=64, nodes=40), cost=0.5)
    sessions = [session(f"s{number}", LAB, start=after(20)) for number in range(3)]
    plan = decide(world(sessions, templates=[template(), small]), SchedulerSettings())
    assert [order.template_id for order in plan.launches] == ["t-small", "t-small"]
    assert sorted(name for order in plan.launches for name in order.session_ids) == ["s0", "s1", "s2"]


def test_a_refused_template_makes_way_for_the_next_one() -> None:
    failed = worker("w1", phase=WorkerPhase.FAILED, since=after(-2))
    failed.status.history = [WorkerPhaseChange(phase=WorkerPhase.FAILED, at=after(-2), reason="InsufficientCapacity")]
    other = template("other", cost=9.0)
    plan = decide(world([session("s", LAB, start=after(20))], [failed], [template(), other]), SchedulerSettings())
    assert [order.template_id for order in plan.launches] == ["t-other"]
    later = decide(
        world([session("s", LAB, start=after(20))], [failed], [template(), other], now=after(9)), SchedulerSettings()
    )
    assert [order.template_id for order in later.launches] == ["t-metal"]


def test_a_failure_in_one_region_leads_to_the_next_region() -> None:
    failed = worker("w1", phase=WorkerPhase.FAILED)
    failed.status.history = [WorkerPhaseChange(phase=WorkerPhase.FAILED, at=after(-2), reason="InsufficientCapacity")]
    both = template(regions=("us-east-1", "us-west-2"))
    plan = decide(world([session("s", LAB, start=after(20))], [failed], [both]), SchedulerSettings())
    assert [order.region for order in plan.launches] == ["us-west-2"]


def test_limits_and_breakers_are_respected_and_told() -> None:
    full = template(limit=0)
    broken = template("broken", blocked_until=after(30))
    plan = decide(world([session("s", LAB, start=after(20))], templates=[full, broken]), SchedulerSettings())
    assert plan.launches == []
    assert reasons(plan) == {"s": "NoLaunchPossible"}
    assert "metal has its limit of 0 workers in us-east-1." in plan.waiting[0].message
    assert "Template broken is paused after failures until 08:30." in plan.waiting[0].message


def test_a_failed_worker_without_an_instance_does_not_count_against_the_limit() -> None:
    failed = worker("w1", phase=WorkerPhase.FAILED)
    plan = decide(world([session("s", LAB, start=after(20))], [failed], [template(limit=1)]), SchedulerSettings())
    assert len(plan.launches) == 1
    failed.status.instance = InstanceInfo(instance_id="i-0123456789abcdef0")
    plan = decide(world([session("s", LAB, start=after(20))], [failed], [template(limit=1)]), SchedulerSettings())
    assert plan.launches == []


def test_soon_sessions_wait_for_a_launch_only_if_that_is_sooner() -> None:
    picture = world([session("s", WHOLE, soon=True)], [worker("w1")], [template()])
    claim(picture, "w1", NOW, 120)
    assert reasons(decide(picture, SchedulerSettings())) == {"s": "LaunchingWorker"}
    picture = world([session("s", WHOLE, soon=True)], [worker("w1")], [template()])
    claim(picture, "w1", NOW, 12)
    assert places(decide(picture, SchedulerSettings())) == {"s": "w1"}
    picture = world([session("s", WHOLE, soon=True)], [worker("w1")], [template(limit=0)])
    claim(picture, "w1", NOW, 120)
    assert places(decide(picture, SchedulerSettings())) == {"s": "w1"}


def test_a_planned_worker_takes_sessions_before_it_runs() -> None:
    pending = worker("w1", phase=WorkerPhase.PENDING, since=NOW)
    booked, soon = session("b", LAB, start=after(40)), session("n", LAB, soon=True)
    plan = decide(world([booked, soon], [pending]), SchedulerSettings())
    assert places(plan) == {"b": "w1", "n": "w1"}
    begins = {entry.placed.demand.session_id: entry.placed.held_from for entry in plan.placements}
    assert begins["n"] == micros(after(10))
