"""An event loop whose time is virtual: when nothing is ready it jumps to the next timer.

Tasks and futures hash by the order in which they were made, so that sets of them (task groups, ``asyncio.wait``) are
walked in the same order in every process.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

SHORTEST = 1e-6
"""Seconds that pass at least while somebody waits."""


class Deadlock(RuntimeError):
    """Everything waits and no timer will ever end it."""


class _Counter:
    """Numbers tasks and futures; begun again by each loop."""

    value = 0

    @classmethod
    def next(cls) -> int:
        cls.value += 1
        return cls.value


class OrderedTask(asyncio.Task[Any]):
    """A task with a repeatable hash."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._number = _Counter.next()
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class OrderedFuture(asyncio.Future[Any]):
    """A future with a repeatable hash."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._number = _Counter.next()
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Selector(selectors.BaseSelector):
    """Waits by moving the clock; no file is ever ready."""

    def __init__(self) -> None:
        self.now = 0.0
        self._map: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, 0, events, data)
        self._map[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._map.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits and there is no timer")
        if timeout > 0:
            self.now += timeout
        return []

    def get_map(self) -> Any:
        return self._map


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module's text."""

    def __init__(self) -> None:
        _Counter.value = 0
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self.set_task_factory(self._task)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual.now

    @staticmethod
    def _task(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any
    ) -> OrderedTask:
        # Later versions of Python may ask for eager starts, which would change the order of events.
        options.pop("eager_start", None)
        return OrderedTask(work, loop=loop, **options)

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """A timer. Whoever waits for a moment too short for the clock to tell would otherwise wait again for ever."""
        return super().call_later(max(delay, SHORTEST) if delay > 0 else delay, callback, *args, context=context)

    def create_future(self) -> OrderedFuture:
        """A future of this loop."""
        return OrderedFuture(loop=self)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on a loop of its own; tasks it left are dropped with the loop."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        _end(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _end(loop: VirtualLoop) -> None:
    left = sorted(asyncio.all_tasks(loop), key=hash)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
