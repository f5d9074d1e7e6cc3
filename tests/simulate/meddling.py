"""People who act in the middle of a deed: while a lab is imported, an instance launched, a report submitted.

Calls of the simulation are short, so a wish hardly ever comes between the effect of a call and the moment at which the
caller has put it on record. Here some deeds take long, and whoever wants to act is told when they begin.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")

DEEDS = frozenset(
    {
        *("import_lab", "start", "stop", "wipe", "delete", "retag", "configure", "extract"),
        *("register", "deregister", "set_product", "renew"),
        *("launch", "terminate", "tag"),
        *("create", "set_devices", "release", "submit", "cancel"),
    }
)
"""Methods of the ports that change something outside."""


class Meddling:
    """Decides which deeds are interrupted, and by how much; seeded."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/meddling")
        self.share = 0.0
        """Share of the deeds during which somebody acts."""
        self.act: Callable[[], None] = lambda: None
        """Called when such a deed begins."""

    def strikes(self) -> bool:
        """Whether somebody acts during the deed that begins now."""
        return bool(self.share) and self._chance.random() < self.share

    async def pause(self) -> None:
        """Real time enough for somebody to act."""
        await asyncio.sleep(self._chance.uniform(0.1, 2.0))


class _Meddled:
    """See ``meddled``."""

    def __init__(self, view: Any, meddling: Meddling) -> None:
        self._view = view
        self._meddling = meddling

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._view, name)
        return self._deed(method) if name in DEEDS else method

    def _deed(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def deed(*args: Any, **options: Any) -> Any:
            if not self._meddling.strikes():
                return await method(*args, **options)
            self._meddling.act()
            await self._meddling.pause()
            answer = await method(*args, **options)
            await self._meddling.pause()
            return answer

        return deed


def meddled(view: T, meddling: Meddling) -> T:
    """An outside system as one process sees it, with people who may act before or after the effect of a deed."""
    return cast(T, _Meddled(view, meddling))
