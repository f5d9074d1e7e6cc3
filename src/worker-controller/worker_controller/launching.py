"""What launches share: the images by pattern, and the breaker that lets a failing template rest in a region."""

import time
from datetime import datetime, timedelta

from lcm_core.spi.ec2 import Ec2, Ec2Refused, Image

IMAGE_SECONDS = 600.0
Place = tuple[str, str]
"""Template and region."""


class Images:
    """The newest image per region and pattern, remembered for ten minutes."""

    def __init__(self, ec2: Ec2) -> None:
        self._ec2 = ec2
        self._known: dict[tuple[str, str], tuple[float, Image]] = {}

    async def newest(self, region: str, pattern: str) -> Image:
        """The image to launch from. Raises ``Ec2Refused`` when none fits, and other ``Ec2Error``."""
        known = self._known.get((region, pattern))
        if known is not None and time.monotonic() - known[0] < IMAGE_SECONDS:
            return known[1]
        image = await self._ec2.newest_image(region, pattern)
        if image is None:
            raise Ec2Refused(f"No machine image in {region} has a name like {pattern}.", "NoImage")
        self._known[(region, pattern)] = (time.monotonic(), image)
        return image


class Breaker:
    """Counts launch failures per template and region; after some in a row the template rests there.

    It lives in memory: a new leader starts with closed breakers and learns again from the next failures.
    """

    def __init__(self, failures: int, rest: timedelta) -> None:
        self._limit = failures
        self._rest = rest
        self._failures: dict[Place, int] = {}
        self._blocked: dict[Place, datetime] = {}

    def blocked_until(self, place: Place, now: datetime) -> datetime | None:
        """When the template may be tried again; None when it may be now."""
        until = self._blocked.get(place)
        return until if until is not None and until > now else None

    def failed(self, place: Place, now: datetime) -> datetime | None:
        """Count a failure; the end of the rest when this one was too many."""
        self._failures[place] = self._failures.get(place, 0) + 1
        if self._failures[place] < self._limit:
            return None
        self._blocked[place] = now + self._rest
        return self._blocked[place]

    def succeeded(self, place: Place) -> bool:
        """Forget the failures. Answers whether there were any."""
        self._blocked.pop(place, None)
        return self._failures.pop(place, 0) > 0
