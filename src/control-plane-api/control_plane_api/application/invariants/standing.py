"""Violations over time: which of those seen are counted, and which have gone away."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from control_plane_api.application.invariants.catalog import BY_NAME
from control_plane_api.application.invariants.picture import Picture, Violation

LIMIT = 100
"""So many violations of one invariant are remembered; more of them say nothing new."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A violation that the last picture showed, since when, and whether it counts as one."""

    violation: Violation
    since: datetime
    counted: bool


class PictureSource(Protocol):
    """Takes pictures of the database and etcd."""

    async def take(self) -> Picture:
        """A picture of now. Raises ``PyMongoError`` or ``EtcdError`` when a store does not answer."""


class StandingStore(Protocol):
    """Remembers between two passes, whichever replica makes them."""

    async def all(self) -> list[Standing]:
        """What the last pass left."""

    async def replace(self, standing: Sequence[Standing]) -> None:
        """Keep these alone."""

    async def counted(self) -> Mapping[str, int]:
        """How many violations count, by invariant; invariants without any are left out."""


def judge(known: Iterable[Standing], found: Iterable[Violation], now: datetime) -> list[Standing]:
    """What stands now. A violation counts once it has been there for the grace of its invariant."""
    before = {_key(standing.violation): standing for standing in known}
    kept: Counter[str] = Counter()
    judged: dict[tuple[str, str], Standing] = {}
    for violation in found:
        key = _key(violation)
        if key in judged or kept[violation.invariant] >= LIMIT:
            continue
        kept[violation.invariant] += 1
        earlier = before.get(key)
        since = earlier.since if earlier is not None else now
        grace = timedelta(seconds=BY_NAME[violation.invariant].grace_seconds)
        counted = now - since >= grace or (earlier is not None and earlier.counted)
        judged[key] = Standing(violation, since, counted)
    return list(judged.values())


def _key(violation: Violation) -> tuple[str, str]:
    return violation.invariant, violation.subject
