"""Leader election: one leader at a time, quick take-over, and a stale leader that is harmless."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse

from lcm_core.clients.errors import Unavailable
from lcm_core.controller import ElectionTimes, ElectionWon, LeaderElection, Leadership
from lcm_core.etcd import EtcdClient, election_key
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.process import free_port

SERVICE = "worker-controller"
TIMES = ElectionTimes(lease=2, margin=0.6, grace=2.0)
KEY = election_key(SERVICE, 0)


class Terms:
    """Terms as the control plane gives them."""

    def __init__(self) -> None:
        self.last = 0

    async def obtain(self, won: ElectionWon) -> int:
        self.last += 1
        return self.last


class Candidate:
    """A candidate in this process whose work is to wait."""

    def __init__(self, store: EtcdClient, name: str, obtain: Callable[[ElectionWon], Awaitable[int]]) -> None:
        self.leads = asyncio.Event()
        self.stopped = asyncio.Event()
        self.terms: list[int] = []
        self.election = LeaderElection(
            store, service=SERVICE, shard=0, identity=name, admin_url="", obtain_term=obtain, times=TIMES
        )
        self.task = asyncio.create_task(self.election.run(self._lead))

    async def _lead(self, leadership: Leadership) -> None:
        self.terms.append(leadership.term)
        self.stopped.clear()
        self.leads.set()
        try:
            await leadership.ending.wait()
        finally:
            self.leads.clear()
            self.stopped.set()

    async def led(self) -> None:
        await asyncio.wait_for(self.leads.wait(), 15)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def candidates(
    store: EtcdClient, *names: str, obtain: Callable[[ElectionWon], Awaitable[int]] | None = None
) -> AsyncIterator[list[Candidate]]:
    made = [Candidate(store, name, obtain or Terms().obtain) for name in names]
    try:
        yield made
    finally:
        for candidate in made:
            await candidate.end()


async def test_one_of_several_leads_and_another_takes_over_at_once_after_a_graceful_stop(store: EtcdClient) -> None:
    terms = Terms()
    async with candidates(store, "a", "b", "c", obtain=terms.obtain) as group:
        for expected_term in (1, 2, 3):
            waits = [asyncio.create_task(candidate.led()) for candidate in group]
            started = time.monotonic()
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            took = time.monotonic() - started
            for wait in waits:
                wait.cancel()
            leaders = [candidate for candidate in group if candidate.leads.is_set()]
            assert len(leaders) == 1
            assert leaders[0].terms == [expected_term]
            assert expected_term == 1 or took < TIMES.lease, "nobody waited for a lease to expire"
            leaders[0].election.stop()
            await asyncio.wait_for(leaders[0].task, 5)
            group.remove(leaders[0])


async def test_a_standby_waits_quietly_for_a_leader_whose_election_has_been_compacted(
    store: EtcdClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with candidates(store, "a") as (leader,):
        await leader.led()
        await store.put("/other", b"1")
        await store.compact(await store.put("/other", b"2"))
        async with candidates(store, "b") as (standby,):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(standby.leads.wait(), 1)
            leader.election.stop()
            await standby.led()
    assert "compacted" not in caplog.text


async def test_without_etcd_nobody_leads(private_etcd: EtcdServer, private_store: EtcdClient) -> None:
    private_etcd.kill()
    async with candidates(private_store, "a") as (candidate,):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(candidate.leads.wait(), 1)
        await private_etcd.start()
        await candidate.led()


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_a_leader_that_cannot_renew_stops_before_its_lease_can_expire(
    private_etcd: EtcdServer, private_store: EtcdClient, fault: str
) -> None:
    async with candidates(private_store, "a") as (candidate,):
        await candidate.led()
        leadership = candidate.election.leadership
        assert leadership is not None
        assert leadership.remaining <= TIMES.lease - TIMES.margin
        (private_etcd.kill if fault == "killed" else private_etcd.pause)()
        await asyncio.wait_for(candidate.stopped.wait(), 10)
        assert leadership.lost_because == "the lease could not be renewed in time"
        if fault == "killed":
            await private_etcd.start()
        else:
            private_etcd.resume()
        await candidate.led()
        assert candidate.terms == [1, 2]


async def test_a_lost_lease_ends_the_leadership_and_a_new_one_has_a_higher_term(store: EtcdClient) -> None:
    async with candidates(store, "a") as (candidate,):
        await candidate.led()
        held = await store.get(KEY)
        assert held is not None
        await store.revoke_lease(held.lease)
        await asyncio.wait_for(candidate.stopped.wait(), 10)
        await candidate.led()
        assert candidate.terms == [1, 2]


async def test_a_wiped_etcd_ends_the_leadership(private_etcd: EtcdServer, private_store: EtcdClient) -> None:
    async with candidates(private_store, "a") as (candidate,):
        await candidate.led()
        await private_etcd.wipe()
        await asyncio.wait_for(candidate.stopped.wait(), 10)
        await candidate.led()
        assert candidate.terms == [1, 2]


async def test_no_work_starts_before_the_control_plane_gave_a_term(store: EtcdClient) -> None:
    available = asyncio.Event()
    asked = asyncio.Event()

    async def obtain(won: ElectionWon) -> int:
        asked.set()
        if not available.is_set():
            raise Unavailable("starting")
        return 7

    async with candidates(store, "a", obtain=obtain) as (candidate,):
        await asyncio.wait_for(asked.wait(), 5)
        assert not candidate.leads.is_set()
        assert await store.get(KEY) is not None, "the key is held meanwhile"
        available.set()
        await candidate.led()
        assert candidate.terms == [7]


async def test_work_that_fails_gives_the_key_up(store: EtcdClient) -> None:
    async def lead(leadership: Leadership) -> None:
        raise RuntimeError("broken")

    election = LeaderElection(
        store, service=SERVICE, shard=0, identity="a", admin_url="", obtain_term=Terms().obtain, times=TIMES
    )
    with pytest.raises(RuntimeError, match="broken"):
        await asyncio.wait_for(election.run(lead), 10)
    assert await store.get(KEY) is None


class ControlPlane:
    """Gives terms, checks the term of each write, and can hold a write back before it decides."""

    def __init__(self) -> None:
        self.term = 0
        self.accepted: list[tuple[int, str]] = []
        self.refused: list[int] = []
        self.hold = asyncio.Event()
        self.holding = asyncio.Event()
        self.release = asyncio.Event()
        self.app = FastAPI()
        self.app.post("/terms")(self.terms)
        self.app.post("/writes")(self.writes)

    async def terms(self) -> dict[str, int]:
        self.term += 1
        return {"term": self.term}

    async def writes(self, body: dict[str, str], x_lcm_term: int = Header()) -> JSONResponse:
        if self.hold.is_set() and not self.holding.is_set():
            self.holding.set()
            await self.release.wait()
        if x_lcm_term < self.term:
            self.refused.append(x_lcm_term)
            problem = {"title": "Stale term", "status": 409, "code": "StaleTerm"}
            return JSONResponse(problem, 409, media_type="application/problem+json")
        self.accepted.append((x_lcm_term, body["by"]))
        return JSONResponse({})

    async def written_by(self, name: str) -> None:
        async with asyncio.timeout(20):
            while not any(by == name for _, by in self.accepted):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def control_plane() -> AsyncIterator[tuple[ControlPlane, str]]:
    plane, port = ControlPlane(), free_port()
    server = uvicorn.Server(
        uvicorn.Config(plane.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off")
    )
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield plane, f"http://127.0.0.1:{port}"
    finally:
        plane.release.set()
        server.should_exit = server.force_exit = True
        await task


class Process:
    """``leader_process.py`` under the control of the test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, etcd: str, control_plane_url: str, name: str) -> "Process":
        script = Path(__file__).with_name("leader_process.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), etcd, control_plane_url, name, stdout=asyncio.subprocess.PIPE
        )
        return cls(process)

    async def says(self, text: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while True:
                line = (await self._process.stdout.readline()).decode().strip()
                assert line or not self._process.stdout.at_eof(), f"the process ended without saying {text!r}"
                if line.startswith(text):
                    return line

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> None:
        if self._process.returncode is None:
            self.signal(signal.SIGCONT)
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def two_processes(etcd: str, url: str) -> AsyncIterator[tuple[Process, Process]]:
    """The first leads, the second waits."""
    first = await Process.start(etcd, url, "first")
    try:
        await first.says("leads")
        second = await Process.start(etcd, url, "second")
        try:
            yield first, second
        finally:
            await second.end()
    finally:
        await first.end()


async def test_a_killed_leader_is_replaced_when_its_lease_ends(store: EtcdClient, etcd_server: EtcdServer) -> None:
    async with control_plane() as (plane, url), two_processes(etcd_server.endpoint, url) as (first, second):
        first.signal(signal.SIGKILL)
        assert await second.says("leads") == "leads 2"
        await plane.written_by("second")


async def test_a_write_on_the_wire_of_a_leader_frozen_for_two_leases_is_refused(
    store: EtcdClient, etcd_server: EtcdServer
) -> None:
    async with control_plane() as (plane, url), two_processes(etcd_server.endpoint, url) as (first, second):
        await plane.written_by("first")
        plane.hold.set()
        await asyncio.wait_for(plane.holding.wait(), 10)
        first.signal(signal.SIGSTOP)  # its write has left and is not decided yet
        frozen_at = time.monotonic()
        await second.says("leads")
        await plane.written_by("second")
        plane.release.set()
        while time.monotonic() - frozen_at < 2 * TIMES.lease:
            await asyncio.sleep(0.05)
        first.signal(signal.SIGCONT)
        await first.says("stops")
        assert_terms_only_rise(plane)
        assert 1 in plane.refused


async def test_a_leader_frozen_before_sending_keeps_its_write_back(store: EtcdClient, etcd_server: EtcdServer) -> None:
    async with control_plane() as (plane, url), two_processes(etcd_server.endpoint, url) as (first, second):
        await plane.written_by("first")
        first.signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        await second.says("leads")
        await plane.written_by("second")
        while time.monotonic() - frozen_at < 2 * TIMES.lease:
            await asyncio.sleep(0.05)
        first.signal(signal.SIGCONT)
        await first.says("stops")
        assert_terms_only_rise(plane)


def assert_terms_only_rise(plane: ControlPlane) -> None:
    accepted = [term for term, _ in plane.accepted]
    assert accepted == sorted(accepted)
    last_of_second = max(index for index, (_, by) in enumerate(plane.accepted) if by == "second")
    assert all(by == "second" for _, by in plane.accepted[last_of_second:])
