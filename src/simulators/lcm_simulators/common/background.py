"""Tasks that live as long as the application."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

log = logging.getLogger(__name__)


@asynccontextmanager
async def background(*work: Callable[[], Coroutine[object, object, None]]) -> AsyncIterator[None]:
    """Run each until the block ends.

    One that fails ends the process: a simulator that listens but does nothing would be worse than one that is gone,
    and whoever started it starts it again.
    """
    tasks = [asyncio.create_task(make()) for make in work]
    for task in tasks:
        task.add_done_callback(_end_process_when_failed)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):  # a failure was logged when it happened
                await task


def _end_process_when_failed(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.critical("a background task failed: the process ends", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
