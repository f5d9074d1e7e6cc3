"""Schedules are the same for the same seed, reach every kind of fault, and name only what exists."""

from collections import Counter

from control_plane_api.kernel import failpoints as control_plane
from lablet_controller import failpoints as lablet_controller
from tests.chaos.schedule import FAILPOINTS, LEASE_SECONDS, FaultKind, schedule
from worker_controller import failpoints as worker_controller

DURATION = 40.0
SEEDS = range(1, 201)


def test_a_seed_always_means_the_same_faults_and_another_one_others() -> None:
    assert schedule(7, DURATION) == schedule(7, DURATION)
    assert schedule(7, DURATION) != schedule(8, DURATION)


def test_two_hundred_seeds_have_every_kind_of_fault_many_times_and_leave_none_idle() -> None:
    plans = [schedule(seed, DURATION) for seed in SEEDS]
    counts = Counter(fault.kind for plan in plans for fault in plan)
    assert set(counts) == set(FaultKind)
    assert min(counts.values()) >= 20
    assert min(len(plan) for plan in plans) >= 3


def test_faults_begin_within_the_run_and_freezes_outlast_the_lease() -> None:
    for seed in SEEDS:
        for fault in schedule(seed, DURATION):
            assert 0 < fault.at < DURATION
            assert fault.kind is not FaultKind.FREEZE or fault.seconds > LEASE_SECONDS


def test_the_points_at_which_services_are_made_to_die_exist() -> None:
    assert set(FAILPOINTS["control-plane"]) == set(control_plane.FAILPOINTS)
    assert set(FAILPOINTS["lablet-controller"]) <= set(lablet_controller.FAILPOINTS)
    assert set(FAILPOINTS["worker-controller"]) == set(worker_controller.FAILPOINTS)
