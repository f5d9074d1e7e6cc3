"""The reconcile loop: what wakes it, what survives, what it waits for, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from opentelemetry import trace

from lcm_core.clients.errors import Invalid, StaleTerm, Unavailable
from lcm_core.clock import DomainClock, ManualClock, SystemClock
from lcm_core.controller import (
    Backoff,
    Controller,
    ControllerSpec,
    Informer,
    KeyPhase,
    LeadershipLost,
    Outcome,
    OutcomeKind,
    RetryableError,
    Source,
    TerminalError,
    record_write,
    shard_of,
    state_informer,
)
from lcm_core.controller.leadership import Leadership
from lcm_core.etcd import EtcdClient, StateSummary, encode_state, object_key
from lcm_core.observability.tracing import configure_tracing

Body = Callable[[str], Awaitable[Outcome]]
DONE = Outcome.done("Settled", "Nothing to do.")


@dataclass
class Recorder:
    """A reconciler that records its runs and does what the test says."""

    body: Body | None = None
    runs: list[str] = field(default_factory=list)
    ran: asyncio.Event = field(default_factory=asyncio.Event)

    async def reconcile(self, key: str) -> Outcome:
        self.runs.append(key)
        self.ran.set()
        return DONE if self.body is None else await self.body(key)

    async def until(self, count: int, key: str | None = None) -> None:
        """Wait for so many runs (of one key)."""
        async with asyncio.timeout(10):
            while len([run for run in self.runs if key in (None, run)]) < count:
                self.ran.clear()
                await self.ran.wait()


async def write(store: EtcdClient, object_id: str, version: int, traceparent: str | None = None) -> None:
    summary = StateSummary(version=version, generation=1, phase="pending", traceparent=traceparent)
    await store.put_guarded(object_key("sessions", object_id), encode_state(summary))


def leadership(shard: int = 0, seconds: float = 1000) -> Leadership:
    clock = SystemClock()
    return Leadership("test", shard, "me", clock, clock.monotonic() + seconds)


@asynccontextmanager
async def running(
    store: EtcdClient, recorder: Recorder, lead: Leadership | None = None, **options: object
) -> AsyncIterator[tuple[Controller, Informer[StateSummary]]]:
    informer = state_informer(store, "sessions")
    shards = options.pop("shards", 1)
    domain_clock = options.pop("domain_clock", None)
    defaults: dict[str, object] = {"backoff": Backoff(first=0.02, longest=0.1), "workers": 4}
    spec = ControllerSpec("test", recorder, [Source(informer)], **{**defaults, **options})  # type: ignore[arg-type]
    controller = Controller(spec, lead or leadership(), shards=shards, domain_clock=domain_clock)  # type: ignore[arg-type]
    watching = asyncio.create_task(informer.run())
    loop = asyncio.create_task(controller.run())
    try:
        yield controller, informer
    finally:
        loop.cancel()
        watching.cancel()
        await asyncio.gather(loop, watching, return_exceptions=True)


async def idle(controller: Controller, key: str) -> None:
    """Wait until no worker has the key."""
    async with asyncio.timeout(10):
        while controller.inspect(key)[0].phase is KeyPhase.RUNNING:
            await asyncio.sleep(0.001)


async def test_every_object_is_looked_at_once_at_the_start_and_again_when_it_changes(store: EtcdClient) -> None:
    await write(store, "a", 1)
    await write(store, "b", 1)
    recorder = Recorder()
    async with running(store, recorder, seeds=("plan",)):
        await recorder.until(3)
        assert sorted(recorder.runs) == ["a", "b", "plan"]
        await write(store, "b", 2)
        await recorder.until(2, "b")
        await store.delete(object_key("sessions", "a"))
        await recorder.until(2, "a")


async def test_a_crash_of_one_key_neither_stops_the_loop_nor_delays_others(store: EtcdClient) -> None:
    async def body(key: str) -> Outcome:
        if key == "bad":
            raise KeyError("boom")
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder) as (controller, _):
        await write(store, "bad", 1)
        await write(store, "good", 1)
        await recorder.until(3, "bad")
        await recorder.until(1, "good")
        report = controller.inspect("bad")[1]
        assert report is not None
        assert (report.outcome.kind, report.outcome.reason) == (OutcomeKind.RETRY, "ReconcileCrashed")
        assert controller.inspect("bad")[0].failures >= 2


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (RetryableError("CmlAway", "CML does not answer."), OutcomeKind.RETRY, "CmlAway"),
        (TerminalError("BadTopology", "The topology has no nodes."), OutcomeKind.TERMINAL, "BadTopology"),
        (Unavailable("away"), OutcomeKind.RETRY, "Unavailable"),
        (Invalid("wrong"), OutcomeKind.TERMINAL, "Invalid"),
    ],
)
async def test_raised_errors_become_outcomes(
    store: EtcdClient, error: Exception, kind: OutcomeKind, reason: str
) -> None:
    async def body(key: str) -> Outcome:
        raise error

    recorder = Recorder(body)
    async with running(store, recorder, backoff=Backoff(first=60)) as (controller, _):
        await write(store, "a", 1)
        await recorder.until(1)
        await idle(controller, "a")
        state, report = controller.inspect("a")
        assert report is not None
        assert (report.outcome.kind, report.outcome.reason) == (kind, reason)
        assert state.phase is (KeyPhase.DELAYED if kind is OutcomeKind.RETRY else KeyPhase.ABSENT)


async def test_a_reconcile_that_hangs_is_ended_and_retried(store: EtcdClient) -> None:
    async def body(key: str) -> Outcome:
        await asyncio.Event().wait()
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder, reconcile_timeout=0.05) as (controller, _):
        await write(store, "a", 1)
        await recorder.until(2)
        report = controller.inspect("a")[1]
        assert report is not None
        assert report.outcome.reason == "ReconcileTimedOut"


async def test_an_instant_of_domain_time_becomes_a_real_timer(store: EtcdClient) -> None:
    clock = DomainClock(base=ManualClock())

    async def body(key: str) -> Outcome:
        return Outcome.requeue_at(clock.now() + timedelta(hours=2), "WaitsForSlot", "The slot starts later.")

    recorder = Recorder(body)
    async with running(store, recorder, domain_clock=clock) as (controller, _):
        await write(store, "a", 1)
        await recorder.until(1)
        await idle(controller, "a")
        assert controller.inspect("a")[0].due_in == pytest.approx(7200, abs=5)


async def test_a_key_is_not_decided_again_before_its_own_write_is_seen(store: EtcdClient) -> None:
    seen: list[int] = []

    async def body(key: str) -> Outcome:
        seen.append(informer.version(key))
        if len(seen) == 1:
            record_write("sessions", key, 2)  # accepted by the control plane, visible here only later
            return Outcome.requeue_after(0.001, "Polls", "Looks again at once.")
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder) as (controller, informer):
        await write(store, "a", 1)
        await recorder.until(1)
        async with asyncio.timeout(5):
            while controller.inspect("a")[0].phase is not KeyPhase.RUNNING or len(controller.reports) < 1:
                await asyncio.sleep(0.001)
        assert seen == [1], "the second run waits at the barrier"
        await write(store, "a", 2)
        await recorder.until(2)
    assert seen[1] == 2


async def test_the_barrier_does_not_wait_forever(store: EtcdClient) -> None:
    async def body(key: str) -> Outcome:
        if len(recorder.runs) == 1:
            record_write("sessions", key, 99)
            return Outcome.requeue_after(0.001, "Polls", "Looks again at once.")
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder, barrier_timeout=0.05):
        await write(store, "a", 1)
        await recorder.until(2)


async def test_the_echo_of_a_recorded_failure_does_not_cause_a_retry_but_news_do(store: EtcdClient) -> None:
    version = 1
    watching: list[Informer[StateSummary]] = []

    async def body(key: str) -> Outcome:
        nonlocal version
        if len(recorder.runs) > 1:
            return DONE
        version += 1
        await write(store, key, version)  # records the failure as a condition
        assert await watching[0].wait_version(key, version, 5)  # the event arrives while the reconcile still runs
        record_write("sessions", key, version)
        return Outcome.retry("CmlAway", "CML does not answer.")

    recorder = Recorder(body)
    async with running(store, recorder, backoff=Backoff(first=60)) as (controller, informer):
        watching.append(informer)
        await write(store, "a", 1)
        await recorder.until(1)
        await idle(controller, "a")
        assert await informer.wait_version("a", 2, 5)
        assert controller.inspect("a")[0].phase is KeyPhase.DELAYED
        assert recorder.runs == ["a"]
        await write(store, "a", 3)
        await recorder.until(2)


async def test_after_a_successful_write_the_key_is_looked_at_again(store: EtcdClient) -> None:
    async def body(key: str) -> Outcome:
        if len(recorder.runs) == 1:
            await write(store, key, 2)
            record_write("sessions", key, 2)
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder):
        await write(store, "a", 1)
        await recorder.until(2)


async def test_a_change_during_a_run_leads_to_one_more_run(store: EtcdClient) -> None:
    go_on = asyncio.Event()

    async def body(key: str) -> Outcome:
        await go_on.wait()
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder) as (controller, informer):
        await write(store, "a", 1)
        await recorder.until(1)
        await write(store, "a", 2)
        await write(store, "a", 3)
        assert await informer.wait_version("a", 3, 5)
        go_on.set()
        await recorder.until(2)
        await idle(controller, "a")
        assert controller.inspect("a")[0].phase is KeyPhase.ABSENT
    assert recorder.runs == ["a", "a"]


async def test_a_graceful_end_lets_running_keys_finish_and_starts_no_others(store: EtcdClient) -> None:
    go_on, finished = asyncio.Event(), []

    async def body(key: str) -> Outcome:
        await go_on.wait()
        finished.append(key)
        return DONE

    recorder, lead = Recorder(body), leadership()
    informer = state_informer(store, "sessions")
    watching = asyncio.create_task(informer.run())
    spec = ControllerSpec("test", recorder, [Source(informer)], workers=1)
    loop = asyncio.create_task(Controller(spec, lead).run())
    await write(store, "a", 1)
    await write(store, "b", 1)
    await recorder.until(1)
    lead.ending.set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(loop), 0.05)
    go_on.set()
    await asyncio.wait_for(loop, 5)
    assert len(finished) == 1
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_leader_past_its_deadline_starts_nothing_and_gives_up(store: EtcdClient) -> None:
    recorder, lead = Recorder(), leadership(seconds=0)
    async with running(store, recorder, lead):
        await write(store, "a", 1)
        await asyncio.wait_for(lead.lost.wait(), 5)
    assert recorder.runs == []
    with pytest.raises(LeadershipLost):
        lead.require()


async def test_a_stale_term_ends_the_leadership(store: EtcdClient) -> None:
    async def body(key: str) -> Outcome:
        raise StaleTerm("a newer leader was seen")

    recorder, lead = Recorder(body), leadership()
    async with running(store, recorder, lead):
        await write(store, "a", 1)
        await asyncio.wait_for(lead.lost.wait(), 5)
    assert "newer term" in lead.lost_because


async def test_only_keys_of_the_own_shard_are_reconciled(store: EtcdClient) -> None:
    keys = [f"key-{number}" for number in range(30)]
    for key in keys:
        await write(store, key, 1)
    recorder = Recorder()
    async with running(store, recorder, leadership(shard=2), shards=4, seeds=("plan",)):
        mine = {key for key in keys if shard_of(key, 4) == 2}
        await recorder.until(len(mine))
    assert set(recorder.runs) == mine


async def test_the_trace_of_the_command_continues_in_the_reconcile(store: EtcdClient) -> None:
    configure_tracing("test", otlp_endpoint=None)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    traces: list[str] = []

    async def body(key: str) -> Outcome:
        traces.append(f"{trace.get_current_span().get_span_context().trace_id:032x}")
        return DONE

    recorder = Recorder(body)
    async with running(store, recorder) as (_, informer):
        await asyncio.wait_for(informer.wait_synced(), 5)
        await asyncio.sleep(0)
        await write(store, "a", 1, f"00-{trace_id}-b7ad6b7169203331-01")
        await recorder.until(1)
    assert traces == [trace_id]


async def test_the_trace_goes_on_while_the_work_does_and_ends_with_it(store: EtcdClient) -> None:
    configure_tracing("test", otlp_endpoint=None)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    traces: list[str] = []
    outcomes = iter(
        [
            Outcome.retry("Busy", "Not yet.", after=0.01),
            Outcome.requeue_after(0.01, "Waiting", "For the outside."),
            DONE,
            DONE,
        ]
    )

    async def body(key: str) -> Outcome:
        traces.append(f"{trace.get_current_span().get_span_context().trace_id:032x}")
        return next(outcomes)

    recorder = Recorder(body)
    async with running(store, recorder) as (controller, informer):
        await asyncio.wait_for(informer.wait_synced(), 5)
        await asyncio.sleep(0)
        await write(store, "a", 1, f"00-{trace_id}-b7ad6b7169203331-01")
        await recorder.until(3)
        assert traces == [trace_id] * 3
        controller.trigger("a")
        await recorder.until(4)
    assert traces[3] != trace_id


async def test_keys_can_be_triggered_paused_and_inspected(store: EtcdClient) -> None:
    recorder = Recorder()
    async with running(store, recorder) as (controller, _):
        await write(store, "a", 1)
        await recorder.until(1)
        await idle(controller, "a")
        controller.trigger("a")
        await recorder.until(2)
        await idle(controller, "a")
        controller.queue.pause("a")
        controller.trigger("a")
        assert controller.inspect("a")[0].phase is KeyPhase.HELD
        controller.queue.resume("a")
        await recorder.until(3)
