"""What the scheduler decides in given situations: launches, waking, stopping, moving, and the reasons it gives."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from worlds import METAL, NOW, definition, session, template, worker

from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import DefinitionView, Requirements
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import (
    InstanceInfo,
    TemplateView,
    UnmanagedUsage,
    WorkerPhaseChange,
    WorkerView,
)
from lcm_core.domain.vocabulary import LicenseType, WorkerDesired, WorkerPhase
from lcm_core.placement import Fleet, Holding, Strategy, demand_of, rules_of, worker_facts
from lcm_core.placement.amounts import pack
from lcm_core.placement.instants import micros
from resource_scheduler.decide import Plan, World, decide
from resource_scheduler.decide.world import ScheduledSession
from resource_scheduler.settings import SchedulerSettings, WarmHours

LAB = definition()
WHOLE = definition("whole", needs=METAL, ports=0)


def world(
    sessions: Iterable[SessionView] = (),
    workers: Iterable[WorkerView] = (),
    templates: Sequence[TemplateView] = (),
    definitions: Iterable[DefinitionView] = (LAB, WHOLE),
    now: datetime = NOW,
) -> World:
    """A picture without claims."""
    rules = {each.id: rules_of(each) for each in definitions}
    known = {each.id: each for each in workers}
    return World(
        now=now,
        fleet=Fleet(worker_facts(each) for each in known.values()),
        waiting=[demand_of(each, rules[each.spec.definition_id]) for each in sessions],
        workers=known,
        templates=templates,
    )


def claim(picture: World, worker_id: str, start: datetime, minutes: int, *, cores: int = 4, of: str = "x") -> Holding:
    """Put a claim on a worker of the picture."""
    wanted = pack(Resources(cores=cores, memory_mb=8192, storage_gb=8, nodes=5))
    holding = Holding(f"c-{of}", of, micros(start), micros(start + timedelta(minutes=minutes)), wanted, 0)
    picture.fleet.hold(worker_id, holding)
    return holding


def after(minutes: float) -> datetime:
    """An instant relative to now."""
    return NOW + timedelta(minutes=minutes)


def reasons(plan: Plan) -> dict[str, str]:
    """Reason codes of the sessions that wait."""
    return {entry.demand.session_id: entry.reason for entry in plan.waiting}


def places(plan: Plan) -> dict[str, str]:
    """Worker of each session that was placed."""
    return {entry.placed.demand.session_id: entry.placed.facts.worker_id for entry in plan.placements}


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


# Waking and stopping -------------------------------------------------------------------------------------------


def test_a_stopped_worker_is_used_before_a_launch_and_woken_in_time() -> None:
    asleep = worker("w1", phase=WorkerPhase.STOPPED)
    picture = world([session("s", LAB, start=after(120))], [asleep], [template()])
    plan = decide(picture, SchedulerSettings())
    assert places(plan) == {"s": "w1"}
    assert (plan.wakes, plan.launches) == ([], [])
    due = world([], [asleep], now=after(120 - 28))
    claim(due, "w1", after(105), 80)
    assert [(order.worker_id, order.desired, order.reason) for order in decide(due, SchedulerSettings()).wakes] == [
        ("w1", WorkerDesired.RUNNING, "WokenForSession")
    ]


def test_an_idle_worker_is_stopped_after_its_templates_time() -> None:
    idle = worker("w1", since=after(-29))
    assert decide(world([], [idle]), SchedulerSettings()).stops == []
    plan = decide(world([], [worker("w1", since=after(-31))]), SchedulerSettings())
    assert [(order.worker_id, order.desired, order.reason) for order in plan.stops] == [
        ("w1", WorkerDesired.STOPPED, "IdleStopped")
    ]
    assert "saves 4.00 USD an hour" in plan.stops[0].message


def test_a_worker_with_a_live_or_imminent_claim_is_never_stopped() -> None:
    for start in (-10, 5, 29):
        picture = world([], [worker("w1", since=after(-300))])
        claim(picture, "w1", after(start), 60)
        assert decide(picture, SchedulerSettings()).stops == [], start
    picture = world([], [worker("w1", since=after(-300))])
    claim(picture, "w1", after(300), 60)
    assert len(decide(picture, SchedulerSettings()).stops) == 1


def test_nothing_is_stopped_while_the_fleet_grows_or_was_just_grown() -> None:
    picture = world(
        [session("s", WHOLE, start=after(20))], [worker("w1", since=after(-300)), worker("w2")], [template()]
    )
    claim(picture, "w1", after(200), 60)
    claim(picture, "w2", after(1), 60, cores=48)
    picture.quiet_since = after(-5)
    assert decide(picture, SchedulerSettings()).stops == []


def test_the_disruption_budget_bounds_how_many_stop_at_once() -> None:
    fleet = [worker(f"w{number}", since=after(-300)) for number in range(9)]
    assert len(decide(world([], fleet), SchedulerSettings()).stops) == 5
    picture = world([], fleet)
    picture.stopped_at = [after(-1)] * 4
    assert len(decide(picture, SchedulerSettings()).stops) == 1


def test_warm_workers_are_kept_by_template_and_by_calendar() -> None:
    fleet = [worker(f"w{number}", since=after(-300)) for number in range(4)]
    assert len(decide(world([], fleet, [template(warm=3)]), SchedulerSettings()).stops) == 1
    morning = WarmHours(template="metal", workers=2, days=["mon"], start="07:00", end="09:00")
    settings = SchedulerSettings(warm_hours=[morning])
    assert len(decide(world([], fleet, [template()]), settings).stops) == 2
    assert len(decide(world([], fleet, [template()], now=after(90)), settings).stops) == 4


def test_the_warm_minimum_wakes_before_it_launches() -> None:
    asleep = worker("w1", phase=WorkerPhase.STOPPED)
    plan = decide(world([], [asleep], [template(warm=2)]), SchedulerSettings())
    assert [order.reason for order in plan.wakes] == ["WarmMinimum"]
    assert [order.reason for order in plan.launches] == ["WarmMinimum"]


def test_a_forgotten_stopped_worker_is_terminated() -> None:
    old = worker("w1", phase=WorkerPhase.STOPPED, since=after(-8 * 24 * 60))
    plan = decide(world([], [old]), SchedulerSettings())
    assert [(order.desired, order.reason) for order in plan.stops] == [(WorkerDesired.TERMINATED, "UnusedTerminated")]
    assert decide(world([], [old]), SchedulerSettings(retention_hours=0)).stops == []


def test_an_operators_snooze_and_unmanaged_labs_keep_a_worker_on() -> None:
    snoozed = worker("w1", since=after(-300))
    snoozed.spec.snoozed_until = after(60)
    used = worker("w2", since=after(-300))
    used.status.unmanaged = UnmanagedUsage(labs=1, resources=Resources(cores=2, nodes=2))
    assert decide(world([], [snoozed, used]), SchedulerSettings()).stops == []


def test_a_worker_that_keeps_a_wiped_lab_of_the_definition_goes_first() -> None:
    picture = world([session("s", LAB, start=after(60))], [worker("w1"), worker("w2")])
    picture.fleet.put(worker_facts(picture.workers["w2"]), frozenset({"lab"}))
    plan = decide(picture, SchedulerSettings())
    assert places(plan) == {"s": "w2"}
    assert plan.placements[0].placed.scores["warm_lab"] == 1.0


def test_spreading_shares_the_load() -> None:
    picture = world([session(f"s{number}", LAB, start=after(60)) for number in range(4)], [worker("w1"), worker("w2")])
    picture.fleet = Fleet((worker_facts(each) for each in picture.workers.values()), Strategy.SPREAD)
    assert sorted(places(decide(picture, SchedulerSettings())).values()) == ["w1", "w1", "w2", "w2"]


# Moving --------------------------------------------------------------------------------------------------------


def scheduled(picture: World, view: SessionView, worker_id: str, start: datetime, cores: int = 4) -> None:
    """A session that holds a place on a worker."""
    demand = demand_of(view, rules_of(LAB if view.spec.definition_id == "lab" else WHOLE))
    picture.scheduled = [*picture.scheduled, ScheduledSession(view.id, worker_id, demand)]
    claim(picture, worker_id, start, 80, cores=cores, of=view.id)


def test_sessions_of_a_lost_worker_queue_again() -> None:
    picture = world([], [worker("w1", phase=WorkerPhase.FAILED)])
    scheduled(picture, session("s", LAB, start=after(60)), "w1", after(45))
    picture.scheduled = [*picture.scheduled, ScheduledSession("t", "unknown")]
    returns = decide(picture, SchedulerSettings()).returns
    assert [(order.session_id, order.reason) for order in returns] == [("s", "WorkerLost"), ("t", "WorkerLost")]


def test_sessions_leave_a_draining_worker_only_for_another_place() -> None:
    draining = worker("w1")
    draining.spec.drain = True
    alone = world([], [draining])
    scheduled(alone, session("s", LAB, start=after(60)), "w1", after(45))
    assert decide(alone, SchedulerSettings()).returns == []
    with_room = world([], [draining, worker("w2")])
    scheduled(with_room, session("s", LAB, start=after(60)), "w1", after(45))
    plan = decide(with_room, SchedulerSettings())
    assert [(order.session_id, order.reason) for order in plan.returns] == [("s", "WorkerDraining")]
    assert plan.kept == [("w2", "kept-s")]


def test_sessions_leave_a_draining_worker_when_another_can_be_launched_in_time() -> None:
    draining = worker("w1")
    draining.spec.drain = True
    for start, moved in ((20, []), (120, ["WorkerDraining"])):
        picture = world([], [draining], [template()])
        scheduled(picture, session("s", LAB, start=after(start + 15)), "w1", after(start))
        assert [order.reason for order in decide(picture, SchedulerSettings()).returns] == moved, start


def test_a_drained_worker_that_does_not_run_is_lost_for_what_is_booked_on_it() -> None:
    draining = worker("w1", phase=WorkerPhase.STOPPED)
    draining.spec.drain = True
    picture = world([], [draining])
    scheduled(picture, session("s", LAB, start=after(60)), "w1", after(45))
    plan = decide(picture, SchedulerSettings())
    assert [order.message for order in plan.returns] == [
        "Worker w1 is stopped and being drained, so it will not be started; the session is placed again."
    ]


def test_a_late_soon_session_takes_room_that_became_free() -> None:
    picture = world([], [worker("w1")])
    scheduled(picture, session("s", LAB, soon=True), "w1", after(90))
    assert decide(picture, SchedulerSettings()).returns == []
    picture.room_freed = True
    assert [order.reason for order in decide(picture, SchedulerSettings()).returns] == ["EarlierPlace"]


def test_a_worker_is_emptied_when_its_sessions_fit_beside_others() -> None:
    picture = world([], [worker("w1"), worker("w2")])
    scheduled(picture, session("s", LAB, start=after(120)), "w2", after(105))
    for number in range(3):
        scheduled(picture, session(f"m{number}", LAB, start=after(120)), "w1", after(105))
    picture.may_consolidate = True
    plan = decide(picture, SchedulerSettings())
    assert [(order.session_id, order.worker_id, order.reason) for order in plan.returns] == [
        ("s", "w2", "Consolidated")
    ]


def test_a_session_that_failed_on_a_worker_tries_another_first() -> None:
    picture = world([session("s", LAB, start=after(60))], [worker("w1"), worker("w2")])
    picture.waiting = [replace(picture.waiting[0], avoid_worker="w1")]
    assert places(decide(picture, SchedulerSettings())) == {"s": "w2"}
    alone = world([session("s", LAB, start=after(60))], [worker("w1")])
    alone.waiting = [replace(alone.waiting[0], avoid_worker="w1")]
    assert places(decide(alone, SchedulerSettings())) == {"s": "w1"}
