"""The work queue: order, uniqueness, back-off, timers, pauses."""

import asyncio
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lcm_core.clock import ManualClock
from lcm_core.controller import Backoff, KeyPhase, Priority, QueueStopped, WorkQueue

KEYS = st.sampled_from(["a", "b", "c", "d"])


def make_queue(clock: ManualClock, **options: float) -> WorkQueue:
    return WorkQueue(
        "test", clock=clock, backoff=Backoff(first=1.0, longest=8.0, jitter=0.0), rng=random.Random(1), **options
    )


def take(queue: WorkQueue) -> str:
    """The next key, which must be there at once."""

    async def get() -> str:
        return (await asyncio.wait_for(queue.get(), 0.5)).key

    return asyncio.run(get())


def test_a_key_waiting_twice_is_one_item() -> None:
    queue = make_queue(ManualClock())
    queue.add("a")
    queue.add("a")
    assert queue.depth == 1


def test_a_running_key_is_not_handed_out_again_but_runs_once_more_afterwards() -> None:
    queue = make_queue(ManualClock())
    queue.add("a")
    assert take(queue) == "a"
    queue.add("a")
    queue.add("a")
    assert queue.depth == 0
    queue.finish("a")
    assert queue.depth == 1
    assert take(queue) == "a"
    queue.finish("a")
    assert queue.inspect("a").phase is KeyPhase.ABSENT


def test_fresh_keys_go_before_resync_and_urgent_ones_before_both() -> None:
    queue = make_queue(ManualClock())
    queue.add("resync", Priority.RESYNC)
    queue.add("fresh", Priority.FRESH)
    queue.add("urgent", Priority.URGENT)
    assert [take(queue) for _ in range(3)] == ["urgent", "fresh", "resync"]


def test_a_waiting_resync_key_becomes_fresh_when_it_changes() -> None:
    queue = make_queue(ManualClock())
    queue.add("a", Priority.RESYNC)
    queue.add("b", Priority.RESYNC)
    queue.add("b", Priority.FRESH)
    assert take(queue) == "b"


def test_resync_keys_do_not_starve() -> None:
    clock = ManualClock()
    queue = make_queue(clock, resync_patience=30.0)
    queue.add("old", Priority.RESYNC)
    clock.advance(31)
    queue.add("fresh")
    assert take(queue) == "old"


def test_each_failure_in_a_row_doubles_the_delay_up_to_the_longest() -> None:
    clock = ManualClock()
    queue = make_queue(clock)
    queue.add("a")
    delays = []
    for _ in range(6):
        take(queue)
        queue.finish("a", failed=True)
        delays.append(queue.inspect("a").due_in)
        clock.advance(delays[-1] or 0.0)
    assert delays == [1, 2, 4, 8, 8, 8]
    take(queue)
    queue.finish("a")
    assert queue.inspect("a").failures == 0


def test_jitter_spreads_keys_that_fail_together() -> None:
    backoff = Backoff(first=1.0, longest=60.0, jitter=0.3)
    rng = random.Random(7)
    delays = {backoff.delay(3, rng) for _ in range(20)}
    assert len(delays) == 20
    assert all(4 * 0.7 <= delay <= 4 for delay in delays)


def test_a_requeue_is_a_timer_and_a_change_before_it_wins() -> None:
    clock = ManualClock()
    queue = make_queue(clock)
    queue.add("a")
    take(queue)
    queue.finish("a", after=60.0)
    clock.advance(59)
    assert queue.depth == 0
    queue.add("a")
    assert take(queue) == "a"
    queue.finish("a")
    clock.advance(120)
    assert queue.depth == 0


def test_the_earlier_of_two_timers_stands() -> None:
    clock = ManualClock()
    queue = make_queue(clock)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    clock.advance(5)
    assert take(queue) == "a"


def test_an_echo_leaves_the_back_off_of_a_failed_key_alone() -> None:
    clock = ManualClock()
    queue = make_queue(clock)
    queue.add("a")
    take(queue)
    queue.finish("a", failed=True)
    queue.add("a", keep_backoff=True)
    assert queue.inspect("a").phase is KeyPhase.DELAYED
    queue.add("a")
    assert queue.inspect("a").phase is KeyPhase.WAITING


def test_a_paused_key_waits_until_it_is_resumed() -> None:
    queue = make_queue(ManualClock())
    queue.add("a")
    queue.pause("a")
    queue.add("a", Priority.URGENT)
    assert queue.depth == 0
    assert queue.inspect("a").phase is KeyPhase.HELD
    queue.resume("a")
    assert take(queue) == "a"


async def test_workers_waiting_for_keys_are_woken_one_per_key() -> None:
    queue = make_queue(ManualClock())
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    done, pending = await asyncio.wait(workers, timeout=0.5, return_when=asyncio.FIRST_EXCEPTION)
    assert sorted(task.result().key for task in done) == ["a", "b"]
    queue.stop()
    with pytest.raises(QueueStopped):
        await pending.pop()


async def test_a_cancelled_worker_passes_its_wake_up_on() -> None:
    queue = make_queue(ManualClock())
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert (await asyncio.wait_for(second, 1)).key == "a"


def test_handing_back_counts_no_failure() -> None:
    queue = make_queue(ManualClock())
    queue.add("a")
    take(queue)
    queue.hand_back("a")
    assert queue.inspect("a").failures == 0
    assert take(queue) == "a"


class QueueMachine(RuleBasedStateMachine):
    """The queue against a model that only knows which keys still have to run, when, and which run now."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.queue = make_queue(self.clock)
        self.loop = asyncio.new_event_loop()
        self.owed: dict[str, float] = {}  # key -> instant at which it must be runnable
        self.running: set[str] = set()
        self.again: set[str] = set()
        self.paused: set[str] = set()
        self.failures: dict[str, int] = {}

    def teardown(self) -> None:
        self.loop.close()

    def owe(self, key: str, at: float) -> None:
        self.owed[key] = min(at, self.owed.get(key, at))

    @rule(key=KEYS, priority=st.sampled_from(list(Priority)))
    def add(self, key: str, priority: Priority) -> None:
        self.queue.add(key, priority)
        if key in self.running:
            self.again.add(key)
        else:
            self.owe(key, self.clock.monotonic())

    @rule(key=KEYS, seconds=st.integers(1, 20))
    def add_after(self, key: str, seconds: int) -> None:
        self.queue.add_after(key, seconds)
        self.owe(key, self.clock.monotonic() + seconds)

    @rule(seconds=st.integers(0, 20))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        now = self.clock.monotonic()
        for key in [key for key, due in self.owed.items() if due <= now and key in self.running]:
            del self.owed[key]
            self.again.add(key)

    def runnable(self) -> set[str]:
        now = self.clock.monotonic()
        return {key for key, due in self.owed.items() if due <= now} - self.paused - self.running

    @precondition(lambda self: self.runnable())
    @rule()
    def get(self) -> None:
        key = self.loop.run_until_complete(asyncio.wait_for(self.queue.get(), 1)).key
        assert key in self.runnable()
        del self.owed[key]
        self.running.add(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), failed=st.booleans(), after=st.one_of(st.none(), st.integers(1, 20)))
    def finish(self, data: st.DataObject, failed: bool, after: int | None) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.finish(key, failed=failed, after=after)
        self.running.remove(key)
        self.failures[key] = self.failures.get(key, 0) + 1 if failed else 0
        now = self.clock.monotonic()
        if key in self.again:
            self.again.remove(key)
            self.owe(key, now)
        elif after is not None:
            self.owe(key, now + after)
        elif failed:
            self.owe(key, now + min(8, 2 ** (self.failures[key] - 1)))

    @rule(key=KEYS)
    def pause(self, key: str) -> None:
        self.queue.pause(key)
        self.paused.add(key)

    @rule(key=KEYS)
    def resume(self, key: str) -> None:
        self.queue.resume(key)
        self.paused.discard(key)

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.queue.running == self.running
        assert self.queue.depth == len(self.runnable())
        for key in "abcd":
            assert self.queue.inspect(key).failures == self.failures.get(key, 0)


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueueMachine = QueueMachine.TestCase
