"""Claims on capacity and ports: never more than there is, at any instant, whoever asks."""

import asyncio
import random
from datetime import timedelta

from domain_samples import NOW, a_claim
from hypothesis import given
from hypothesis import strategies as st

from control_plane_api.domain.worker.claim_check import ClaimLimits, check_claim
from control_plane_api.infrastructure.mongo.claims import MongoClaims, days_of
from control_plane_api.infrastructure.mongo.database import Database
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.contracts.workers import PortRange

LIMITS = ClaimLimits(Resources(cores=8), PortRange(low=2000, high=2999))
DAY = 24 * 60


async def made(database: Database) -> MongoClaims:
    """The store with its indexes."""
    claims = MongoClaims(database)
    await claims.create_indexes()
    return claims


async def test_of_200_concurrent_claims_for_the_last_slot_exactly_one_wins(database: Database) -> None:
    claims = await made(database)
    assert await claims.acquire("w1", LIMITS, [a_claim("first", cores=4)]) == [None]
    wanted = [a_claim(f"c{number}", cores=4) for number in range(200)]
    random.shuffle(wanted)
    results = await asyncio.gather(*(claims.acquire("w1", LIMITS, [claim]) for claim in wanted))
    winners = [claim.claim_id for claim, (refusal,) in zip(wanted, results, strict=True) if refusal is None]
    refused = [refusal.code for (refusal,) in results if refusal is not None]
    assert len(winners) == 1
    assert refused == ["CapacityExceeded"] * 199
    held = {claim.claim_id for claim in await claims.of_worker("w1", NOW, None)}
    assert held == {"first", *winners}


async def test_a_port_is_given_to_one_of_two_sessions_at_a_time(database: Database) -> None:
    claims = await made(database)
    first, second = a_claim("a", cores=1, CONSOLE=2001), a_claim("b", cores=1, CONSOLE=2001)
    later = a_claim("c", start=60, cores=1, CONSOLE=2001)
    granted = await claims.acquire("w1", LIMITS, [first, second, later])
    assert [refusal.code if refusal else "" for refusal in granted] == ["", "PortTaken", ""]


async def test_a_claim_over_midnight_that_its_second_day_refuses_leaves_nothing_behind(database: Database) -> None:
    claims = await made(database)
    evening = DAY - 9 * 60 - 30  # half an hour before midnight, NOW being at nine
    assert await claims.acquire("w1", LIMITS, [a_claim("tomorrow", start=evening + 40, cores=8)]) == [None]
    (refusal,) = await claims.acquire("w1", LIMITS, [a_claim("over", start=evening, minutes=60, cores=8)])
    assert refusal is not None
    assert [claim.claim_id for claim in await claims.of_worker("w1", NOW, None)] == ["tomorrow"]


async def test_asking_again_for_a_claim_that_is_held_is_fine(database: Database) -> None:
    claims = await made(database)
    claim = a_claim("a", cores=8)
    assert await claims.acquire("w1", LIMITS, [claim]) == [None]
    assert await claims.acquire("w1", LIMITS, [claim]) == [None]
    assert len(await claims.of_worker("w1", NOW, None)) == 1


async def test_a_full_hour_leaves_the_hours_around_it_free(database: Database) -> None:
    claims = await made(database)
    full, later, within = a_claim("full", start=60, cores=8), a_claim("later", start=150), a_claim("within", start=90)
    assert await claims.acquire("w1", LIMITS, [full]) == [None]
    assert await claims.acquire("w1", LIMITS, [later]) == [None]
    (refusal,) = await claims.acquire("w1", LIMITS, [within])
    assert refusal is not None


async def test_an_extension_into_another_booking_is_refused_and_changes_nothing(database: Database) -> None:
    claims = await made(database)
    mine, next_one = a_claim("mine", cores=8), a_claim("next", start=90, cores=8)
    await claims.acquire("w1", LIMITS, [mine, next_one])
    assert await claims.extend(mine, LIMITS, mine.end + timedelta(minutes=30)) is None
    refusal = await claims.extend(mine, LIMITS, mine.end + timedelta(minutes=31))
    assert refusal is not None
    held = {claim.claim_id: claim for claim in await claims.of_worker("w1", NOW, None)}
    assert held["mine"].end == mine.end + timedelta(minutes=30)


async def test_followers_learn_of_every_change_from_their_cursor_on(database: Database) -> None:
    claims = await made(database)
    await claims.acquire("w1", LIMITS, [a_claim("a")])
    first = await claims.changes("")
    assert [day.claims[0].claim_id for day in first.items] == ["a"]
    await claims.release("w1", "a")
    following = await claims.changes(first.cursor)
    assert following.items[-1].claims == []


async def test_random_claims_and_releases_never_exceed_the_capacity(database: Database) -> None:
    claims = await made(database)
    choice = random.Random(7)

    async def somebody(name: int) -> None:
        for number in range(8):
            claim = a_claim(
                f"{name}-{number}", start=choice.randrange(0, 2 * DAY), minutes=choice.randrange(10, 900), cores=3
            )
            (refusal,) = await claims.acquire("w1", LIMITS, [claim])
            if refusal is None and choice.random() < 0.4:
                await claims.release("w1", claim.claim_id)

    await asyncio.gather(*(somebody(name) for name in range(8)))
    held = await claims.of_worker("w1", NOW - timedelta(days=1), None)
    assert held, "the walk must leave something to look at"
    for instant in (claim.start for claim in held):
        assert sum(c.resources.cores for c in held if c.start <= instant < c.end) <= 8
    for document in await database["claims"].find({}).to_list():
        for stored in document["claims"]:
            claim = ClaimView.model_validate(stored)
            assert document["day"] in set(days_of(claim.start, claim.end))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(1, 8)), max_size=12),
    st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(1, 8)),
)
def test_the_check_agrees_with_looking_at_every_minute(
    others: list[tuple[int, int, int]], wanted: tuple[int, int, int]
) -> None:
    held: list[ClaimView] = []
    for index, (start, minutes, cores) in enumerate(others):
        claim = a_claim(f"o{index}", start=start, minutes=minutes, cores=cores)
        if check_claim(claim, held, LIMITS) is None:
            held.append(claim)
    start, minutes, cores = wanted
    claim = a_claim("new", start=start, minutes=minutes, cores=cores)
    fits = all(
        cores + sum(c.resources.cores for c in held if c.start <= NOW + timedelta(minutes=m) < c.end) <= 8
        for m in range(start, start + minutes)
    )
    assert (check_claim(claim, held, LIMITS) is None) == fits
