"""Running tasks side by side and ending them for certain.

Before Python 3.12 ``asyncio.wait_for`` loses a cancellation that arrives together with the result it waits for, and
the database driver uses it on every write. So a task is cancelled until it has ended, not once.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

CANCEL_AGAIN_SECONDS = 0.2


async def end_all(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel the tasks and wait until every one has ended, whatever it ends with."""
    pending = {task for task in tasks if not task.done()}
    interrupted = False
    while pending:
        for task in pending:
            task.cancel()
        try:
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        except asyncio.CancelledError:
            # Nothing may be left running behind; the cancellation is passed on afterwards.
            interrupted = True
            pending = {task for task in pending if not task.done()}
    if interrupted:
        raise asyncio.CancelledError


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run endless works side by side; when one ends or fails, the others are ended and its failure is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_all(tasks)
    for task in done:
        task.result()
