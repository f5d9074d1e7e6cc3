"""Operator tasks that follow from decisions: opened once, closed when the concern is over."""

import asyncio
from collections.abc import Iterable, Mapping

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.platform import CloseTask, OpenTask
from lcm_core.domain.vocabulary import TaskState
from worker_controller.lifecycle.decision import Concern

PREFIX = "worker-"
STICKY = frozenset({"license-left", "license-nodes"})
"""Concerns that only a person can end: what caused them is over when they are opened."""


def key_of(kind: str, subject: str) -> str:
    """The task's key; subjects are ids of at most 60 characters."""
    return f"{PREFIX}{kind}:{subject}"[:80]


class TaskBook:
    """Knows which tasks are open, so that an unchanged concern costs no call.

    Tasks that an earlier leader opened are read once; ``start_over`` makes a new leader read them again.
    """

    def __init__(self, control_plane: ControlPlaneClient) -> None:
        self._control_plane = control_plane
        self._open: dict[str, str] = {}
        self._read = False
        self._reading = asyncio.Lock()

    def start_over(self) -> None:
        """Read the open tasks again before the next change."""
        self._open.clear()
        self._read = False

    async def keep(self, subject: str, concerns: Iterable[Concern], *, target_kind: str = "worker") -> None:
        """Open the tasks that nothing would bring up again, before the word after which nobody looks any more.

        Raises ``ApiError``.
        """
        sticky = {key_of(concern.kind, subject): concern for concern in concerns if concern.kind in STICKY}
        if sticky:
            await self._load()
            await self._open_tasks(sticky, subject, target_kind)

    async def settle(self, subject: str, concerns: Iterable[Concern], *, target_kind: str = "worker") -> None:
        """Make the open tasks about a subject be those of its concerns. Raises ``ApiError``."""
        await self._load()
        wanted = {key_of(concern.kind, subject): concern for concern in concerns}
        await self._open_tasks(wanted, subject, target_kind)
        keep = {key_of(kind, subject) for kind in STICKY} | wanted.keys()
        for key in [key for key in self._open if key.partition(":")[2] == subject and key not in keep]:
            await self._control_plane.close_task(CloseTask(dedup_key=key, message="The reason is gone."))
            del self._open[key]

    async def _open_tasks(self, wanted: Mapping[str, Concern], subject: str, target_kind: str) -> None:
        for key, concern in wanted.items():
            if self._open.get(key) != concern.description:
                await self._open_task(key, concern, target_kind, subject)

    async def _open_task(self, key: str, concern: Concern, target_kind: str, subject: str) -> None:
        body = OpenTask(
            dedup_key=key,
            title=concern.title,
            description=concern.description[:2000],
            severity=concern.severity,
            target_kind=target_kind,
            target_id=subject,
        )
        await self._control_plane.open_task(body)
        self._open[key] = concern.description

    async def subjects(self, kind: str) -> set[str]:
        """Subjects that have an open task of a kind. Raises ``ApiError``."""
        await self._load()
        start = f"{PREFIX}{kind}:"
        return {key.removeprefix(start) for key in self._open if key.startswith(start)}

    async def _load(self) -> None:
        async with self._reading:
            if self._read:
                return
            async for task in self._control_plane.tasks(phase=TaskState.OPEN.value):
                if task.spec.dedup_key.startswith(PREFIX):
                    self._open[task.spec.dedup_key] = task.spec.description
            self._read = True
