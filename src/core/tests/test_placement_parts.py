"""The parts of placement: versions, claim days, queue order, launches, preview, fleet limit and forecast."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from placement_model import facts, rules

from lcm_core.contracts.claims import ClaimDay, ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import LicenseType
from lcm_core.placement import ClaimBook, Demand, Fleet, Holding, Rules, queue_order
from lcm_core.placement.amounts import pack, unpack
from lcm_core.placement.forecast import forecast
from lcm_core.placement.instants import HOUR, MINUTE, micros
from lcm_core.placement.launch import LaunchOption, plan_launches
from lcm_core.placement.packing import balanced, largest_first
from lcm_core.placement.preview import Outlook, beyond_fleet_limit, preview
from lcm_core.placement.versions import VersionRange, parse_version

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def demand(
    name: str = "s",
    *,
    cores: int = 1,
    memory: int = 1,
    start: int = HOUR,
    end: int = 2 * HOUR,
    wanted_rules: Rules | None = None,
    owner: str = "ann",
    created: int = 0,
) -> Demand:
    """A booking of an hour without boot lead and clean-up."""
    wanted = pack(Resources(cores=cores, memory_mb=memory))
    return Demand(name, wanted_rules or rules(0), wanted, start, end, 0, 0, owner=owner, created=created)


# Versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.10.0", (2, 10)),
        ("cml-2.8.1-amd64-20250101", (2, 8, 1)),
        ("2.7.0+build.4", (2, 7)),
        ("v3", (3,)),
        ("none", None),
    ],
)
def test_versions_are_found_in_names(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        (">=2.9", ["2.9.0", "2.10.0", "3.0"], ["2.8.9"]),
        (">=2.7,<3", ["2.7.0", "2.99.1"], ["3.0.0", "2.6.9"]),
        ("2.8.*", ["2.8.0", "2.8.7"], ["2.9.0", "2.7.9"]),
        ("~=2.7", ["2.7.0", "2.9"], ["3.0", "2.6"]),
        ("2.8.1", ["2.8.1"], ["2.8.2"]),
        ("!=2.8.1 >2.8", ["2.8.2"], ["2.8.0", "2.8.1"]),
    ],
)
def test_versions_compare_as_versions(wanted: str, inside: list[str], outside: list[str]) -> None:
    found = VersionRange.parse(wanted)
    assert all(found.contains(parse_version(text) or ()) for text in inside)
    assert not any(found.contains(parse_version(text) or ()) for text in outside)


def test_an_unreadable_range_names_its_clause() -> None:
    with pytest.raises(ValueError, match="'newest' is not a version clause"):
        VersionRange.parse(">=2.7, newest")


# Claim days ----------------------------------------------------------------------------------------------------


def claim(claim_id: str, start: float, end: float) -> ClaimView:
    """A claim of four cores from and until hours after midnight."""
    return ClaimView(
        claim_id=claim_id,
        worker_id="w",
        session_id=f"s-{claim_id}",
        resources=Resources(cores=4),
        ports={"P": 2001},
        start=DAY + timedelta(hours=start),
        end=DAY + timedelta(hours=end),
    )


def cores_at(fleet: Fleet, hour: float) -> int:
    """Cores held on the worker."""
    state = fleet.get("w")
    assert state is not None
    return unpack(state.timeline.used_at(micros(DAY + timedelta(hours=hour))))[0]


def test_a_claim_over_midnight_is_held_once_and_freed_with_its_last_day() -> None:
    fleet, book = Fleet([facts("w", (8, 8, 8, 8))]), ClaimBook()
    late = claim("c", 23, 25)
    assert book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=1, claims=[late]), fleet)
    assert book.apply(ClaimDay(worker_id="w", day="2026-03-03", version=1, claims=[late]), fleet)
    assert (cores_at(fleet, 23.5), cores_at(fleet, 24.5)) == (4, 4)
    assert book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=2, claims=[]), fleet)
    assert cores_at(fleet, 24.5) == 4
    assert book.apply(ClaimDay(worker_id="w", day="2026-03-03", version=2, claims=[]), fleet)
    assert cores_at(fleet, 24.5) == 0


def test_old_and_repeated_days_change_nothing() -> None:
    fleet, book = Fleet([facts("w", (8, 8, 8, 8))]), ClaimBook()
    assert book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=3, claims=[claim("c", 9, 10)]), fleet)
    assert not book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=3, claims=[]), fleet)
    assert not book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=2, claims=[]), fleet)
    assert cores_at(fleet, 9.5) == 4


def test_a_granted_claim_counts_at_once_and_goes_when_a_newer_day_does_not_have_it() -> None:
    fleet, book = Fleet([facts("w", (8, 8, 8, 8))]), ClaimBook()
    book.accept(claim("c", 9, 10), fleet)
    assert cores_at(fleet, 9.5) == 4
    book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=1, claims=[]), fleet)
    assert cores_at(fleet, 9.5) == 0


def test_an_extended_claim_replaces_its_shorter_self() -> None:
    fleet, book = Fleet([facts("w", (8, 8, 8, 8))]), ClaimBook()
    book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=1, claims=[claim("c", 9, 10)]), fleet)
    book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=2, claims=[claim("c", 9, 12)]), fleet)
    assert (cores_at(fleet, 9.5), cores_at(fleet, 11.5), cores_at(fleet, 12)) == (4, 4, 0)


def test_claims_of_a_worker_that_appears_later_are_put_on_it() -> None:
    fleet, book = Fleet(), ClaimBook()
    book.apply(ClaimDay(worker_id="w", day="2026-03-02", version=1, claims=[claim("c", 9, 10)]), fleet)
    fleet.put(facts("w", (8, 8, 8, 8)))
    book.put_on("w", fleet)
    assert cores_at(fleet, 9.5) == 4


# Order ---------------------------------------------------------------------------------------------------------


def test_turns_count_what_an_owner_already_holds() -> None:
    waiting = [demand(f"a{number}", created=number) for number in range(3)]
    waiting += [demand("b0", owner="bob", created=9), demand("c0", owner="cyd", created=10)]
    order = [each.session_id for each in queue_order(waiting, {"cyd": 1})]
    assert order == ["a0", "b0", "a1", "c0", "a2"]


# Launches ------------------------------------------------------------------------------------------------------


def option(name: str, cores: int, cost: float, room: int = 9) -> LaunchOption:
    """A template of some cores."""
    made = facts(name, (cores, 1000, 1000, 1000))
    return LaunchOption(replace(made, hourly_cost=cost, template_id=name), room)


def test_the_cheapest_set_wins_over_the_largest_machine() -> None:
    plan = plan_launches(
        [demand(f"s{n}", cores=3) for n in range(2)], [option("big", 48, 4.0), option("small", 8, 0.5)]
    )
    assert [launch.option.facts.name for launch in plan.launches] == ["small"]
    many = plan_launches(
        [demand(f"s{n}", cores=3) for n in range(16)], [option("big", 48, 2.0), option("small", 8, 0.5)]
    )
    assert many.cost == pytest.approx(2.0)


def test_limits_leave_sessions_over_and_sessions_that_follow_share_a_worker() -> None:
    tight = plan_launches([demand(f"s{n}", cores=5) for n in range(3)], [option("small", 8, 0.5, room=2)])
    assert (len(tight.launches), len(tight.left)) == (2, 1)
    after = [demand("a", cores=8), demand("b", cores=8, start=2 * HOUR, end=3 * HOUR)]
    assert len(plan_launches(after, [option("small", 8, 0.5)]).launches) == 1


def test_the_balanced_order_mixes_what_largest_first_keeps_apart() -> None:
    capacity = pack(Resources(cores=10, memory_mb=10))
    mixed = [demand(f"c{n}", cores=6, memory=1) for n in range(4)] + [
        demand(f"m{n}", cores=1, memory=7) for n in range(4)
    ]
    by_size = [each.session_id[0] for each in largest_first(mixed, capacity)]
    in_balance = [each.session_id[0] for each in balanced(mixed, capacity)]
    assert by_size == ["m"] * 4 + ["c"] * 4
    assert all(set(in_balance[n : n + 2]) == {"c", "m"} for n in range(0, 8, 2))
    assert sorted(each.session_id for each in balanced(mixed, capacity)) == sorted(each.session_id for each in mixed)


# Preview, limit, forecast --------------------------------------------------------------------------------------


def test_the_preview_tells_place_launch_or_refusal() -> None:
    fleet = Fleet([facts("w", (8, 8, 8, 8))])
    found = preview(fleet, demand(cores=4), [], 0)
    assert (found.outlook, found.worker and found.worker.name) == (Outlook.PLACED, "w")
    fleet.hold("w", Holding("c", "x", 0, 3 * HOUR, pack(Resources(cores=6)), 0))
    launched = preview(fleet, demand(cores=4), [option("small", 8, 0.5)], 0)
    assert launched.outlook is Outlook.LAUNCHED
    assert launched.launch_at == HOUR - 3 * MINUTE
    assert "small would be launched at 1970-01-01 00:57 for 0.50 USD an hour" in launched.message
    refused = preview(fleet, demand(cores=9), [option("small", 8, 0.5)], 0)
    assert refused.outlook is Outlook.REFUSED
    assert "small has 8 cores in all; 9 are needed." in refused.message


def test_a_preview_changes_nothing() -> None:
    fleet = Fleet([facts("w", (8, 8, 8, 8))])
    for _ in range(3):
        assert preview(fleet, demand(cores=8), [], 0).outlook is Outlook.PLACED


def test_a_reservation_beyond_the_largest_fleet_is_refused_with_numbers() -> None:
    held = [demand(f"s{n}", cores=4) for n in range(3)]
    fleet = [(facts("small", (8, 8, 8, 8)), 2)]
    assert beyond_fleet_limit(demand(cores=4), held, fleet) == ""
    held.append(demand("s3", cores=4))
    assert "would need 20 cores; the largest fleet that limits allow has 16" in beyond_fleet_limit(
        demand(cores=4), held, fleet
    )
    assert beyond_fleet_limit(demand(cores=4, start=2 * HOUR, end=3 * HOUR), held, fleet) == ""
    personal = Rules("personal", license_affinity=frozenset({LicenseType.PERSONAL}))
    assert "No worker" in beyond_fleet_limit(demand(wanted_rules=personal), [], fleet)


def test_the_forecast_counts_peaks_sessions_and_money() -> None:
    fleet = Fleet([facts("a", (8, 8, 8, 8)), facts("b", (8, 8, 8, 8))])
    fleet.hold("a", Holding("c1", "s1", 0, HOUR, pack(Resources(cores=3)), 0))
    fleet.hold("a", Holding("c2", "s2", HOUR // 2, 2 * HOUR, pack(Resources(cores=4)), 0))
    steps = list(forecast(fleet, 0, 3 * HOUR, HOUR))
    assert [step.used[0] for step in steps] == [7, 4, 0]
    assert [step.sessions for step in steps] == [2, 1, 0]
    assert [step.needed_workers for step in steps] == [1, 1, 0]
    assert [step.cost for step in steps] == [1.0, 1.0, 0.0]
    assert steps[0].offered[0] == 16
