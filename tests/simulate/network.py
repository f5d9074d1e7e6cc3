"""Connections between a process and what it talks to.

A call reaches the other side after a moment, has its effect there at one instant, and its answer comes back after
another moment. Either way may be lost: the caller then learns of a failure and cannot tell whether the effect happened.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from lcm_core.spi.cml_system import CmlError
from lcm_core.spi.ec2 import Ec2Error
from lcm_core.spi.errors import OutsideError

T = TypeVar("T")


class Fate(StrEnum):
    """What becomes of one call."""

    FINE = "fine"
    REFUSED = "refused"
    LOST_ANSWER = "lost-answer"
    SLOW = "slow"
    LATE = "late"


LOST = frozenset({Fate.LOST_ANSWER, Fate.LATE})
"""Fates in which no answer comes."""
OUTSIDE = frozenset({"EC2", "CML", "LDS", "grading", "S3"})
"""Remotes at which a call may have its effect later; those that the platform owns guard themselves by versions."""
TYPED = (OutsideError, Ec2Error, CmlError)
"""What the world raises by its rules; anything else is a defect of the simulation."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time of bad weather for one remote: until an instant of real time calls meet this fate this often."""

    until: float
    fate: Fate
    share: float


class Weather:
    """Decides the fate of every call; seeded, so the same run has the same weather."""

    LOST_AFTER = 3.0
    """Real seconds after which a caller notices that no answer comes."""
    LATEST = 12.0
    """Real seconds after which a call that is on the way has had its effect, or never will."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/weather")
        self._late = random.Random(f"{seed}/late")
        self._on_the_way: set[asyncio.Task[None]] = set()
        self._spells: dict[str, Spell] = {}
        self.astray = 0.0
        """Share of the calls in flight that arrive after their caller was stopped."""
        self.background = 0.0
        self.met: dict[str, int] = {}

    def spell(self, remote: str, spell: Spell) -> None:
        """Bad weather for a remote, in place of what it had."""
        self._spells[remote] = spell

    def clear(self) -> None:
        """Fair weather for everybody from now on."""
        self._spells.clear()
        self.background = self.astray = 0.0

    def moment(self) -> float:
        """Real seconds that one way takes; mostly none, so that a run costs few timers."""
        return self._chance.random() * 0.02 if self._chance.random() < 0.1 else 0.0

    def long_moment(self) -> float:
        """Real seconds that one way takes in bad weather."""
        return self._chance.uniform(0.1, 2.5)

    def fate(self, remote: str, now: float) -> Fate:
        """What becomes of a call to a remote now."""
        fate = self._draw(remote, now)
        if fate is not Fate.FINE:
            name = f"{remote} {fate}"
            self.met[name] = self.met.get(name, 0) + 1
        return fate

    def _draw(self, remote: str, now: float) -> Fate:
        spell = self._spells.get(remote)
        if spell is not None and now >= spell.until:
            del self._spells[remote]
            spell = None
        if spell is not None and self._chance.random() < spell.share:
            return spell.fate
        if self.background and self._chance.random() < self.background:
            return self._chance.choice((Fate.REFUSED, Fate.LOST_ANSWER, Fate.LATE, Fate.SLOW))
        return Fate.FINE

    def arrives_late(self, remote: str, effect: Callable[[], object]) -> None:
        """Have an effect some time from now, though nobody waits for its answer any more."""

        async def arrive() -> None:
            await asyncio.sleep(self._late.uniform(0.0, self.LATEST))
            with suppress(*TYPED):
                effect()

        name = f"{remote} {Fate.LATE}"
        self.met[name] = self.met.get(name, 0) + 1
        task = asyncio.create_task(arrive())
        self._on_the_way.add(task)
        task.add_done_callback(self._on_the_way.discard)

    def goes_astray(self) -> bool:
        """Whether a call whose caller is stopped now had been sent already."""
        return bool(self.astray) and self._late.random() < self.astray


class Connection:
    """What one process holds to one remote.

    Args:
        weather: decides what becomes of calls.
        remote: whom it leads to, as the weather names it.
        failure: makes the exception that callers expect of this remote.
        unheard: the same for a call whose answer did not come, where callers tell that apart.
    """

    def __init__(
        self,
        weather: Weather,
        remote: str,
        failure: Callable[[str], Exception],
        unheard: Callable[[str], Exception] | None = None,
    ) -> None:
        self._weather = weather
        self._remote = remote
        self._failure = failure
        self._unheard = unheard or failure
        self.alive = True
        self.stuck_until = 0.0
        """Real time until which nothing passes; what was sent meanwhile arrives then."""

    def cut(self) -> None:
        """The process died: nothing it still does reaches anybody."""
        self.alive = False

    async def call(self, effect: Callable[[], T]) -> T:
        """Have an effect at the other side and bring its answer back. Raises what the effect raises, or the failure."""
        try:
            fate = await self._way()
        except asyncio.CancelledError:
            if self._remote in OUTSIDE and self._weather.goes_astray():
                self._weather.arrives_late(self._remote, effect)
            raise
        if fate is Fate.LATE and self._remote in OUTSIDE:
            self._weather.arrives_late(self._remote, effect)
            raise await self.lost()
        answer = effect()
        if fate in LOST:
            raise await self.lost()
        await self.back()
        return answer

    async def ask(self, look: Callable[[], T]) -> T:
        """Look at the other side. A question changes nothing, so it can neither be late nor leave anything open."""
        fate = await self._way()
        if fate is Fate.LOST_ANSWER:
            await asyncio.sleep(Weather.LOST_AFTER)
            raise self._failure(f"{self._remote} did not answer in time")
        answer = look()
        await self.back()
        return answer

    async def there(self) -> bool:
        """The way there; False when the answer will be lost. Raises the failure when nothing arrives."""
        return await self._way() not in LOST

    async def _way(self) -> Fate:
        self._require()
        now = asyncio.get_running_loop().time()
        if now < self.stuck_until:
            await asyncio.sleep(self.stuck_until - now)
            self._require()
        fate = self._weather.fate(self._remote, now)
        if fate is Fate.REFUSED:
            await asyncio.sleep(0)
            raise self._failure(f"{self._remote} is away")
        await asyncio.sleep(self._weather.long_moment() if fate is Fate.SLOW else self._weather.moment())
        self._require()
        return fate

    async def back(self) -> None:
        """The way back."""
        moment = self._weather.moment()
        if moment:
            await asyncio.sleep(moment)
        self._require()

    async def lost(self) -> Exception:
        """Wait for an answer that does not come; the failure to raise."""
        await asyncio.sleep(Weather.LOST_AFTER)
        return self._unheard(f"{self._remote} did not answer in time")

    def _require(self) -> None:
        if not self.alive:
            raise self._failure(f"the process that talked to {self._remote} is dead")
