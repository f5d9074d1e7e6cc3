"""What the scheduler decides about workers, and which sessions it moves: waking, stopping, draining, emptying."""

from dataclasses import replace

from pictures import LAB, WHOLE, after, claim, places, scheduled, world
from worlds import session, template, worker

from lcm_core.contracts.common import Resources
from lcm_core.contracts.workers import (
    UnmanagedUsage,
)
from lcm_core.domain.vocabulary import WorkerDesired, WorkerPhase
from lcm_core.placement import Fleet, Strategy, worker_facts
from resource_scheduler.decide import decide
from resource_scheduler.decide.world import ScheduledSession
from resource_scheduler.settings import SchedulerSettings, WarmHours

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
    fleet = [worker(f"w{number}", since=after(-300)) for number in range(14)]
    assert len(decide(world([], fleet), SchedulerSettings()).stops) == 10
    picture = world([], fleet)
    picture.stopped_at = [after(-1)] * 9
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


def test_a_session_of_a_lost_worker_is_returned_once_even_if_another_has_room_earlier() -> None:
    picture = world([], [worker("w1", phase=WorkerPhase.FAILED), worker("w2")])
    scheduled(picture, session("s", LAB, soon=True), "w1", after(90))
    picture.room_freed = True
    returns = decide(picture, SchedulerSettings()).returns
    assert [(order.session_id, order.reason) for order in returns] == [("s", "WorkerLost")]


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
