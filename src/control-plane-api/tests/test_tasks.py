"""Tasks end when they are told to, even one that loses a cancellation."""

import asyncio

import pytest

from control_plane_api.kernel.tasks import end_all, together


async def test_a_task_that_swallows_its_first_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_all([task])
    assert task.cancelled()
    assert swallowed == 3


async def test_when_one_work_fails_the_others_are_ended_and_its_failure_is_raised() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await together(endless(), failing())
    assert ended.is_set()


async def test_cancelling_the_whole_ends_every_part() -> None:
    running = 0

    async def part() -> None:
        nonlocal running
        running += 1
        try:
            await asyncio.Event().wait()
        finally:
            running -= 1

    whole = asyncio.create_task(together(part(), part()))
    while running < 2:
        await asyncio.sleep(0)
    await end_all([whole])
    assert running == 0
    assert whole.cancelled()
