"""One run: a platform, its users, its adversary, and the verdict."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pymongo.errors import PyMongoError

from lcm_core.clients.errors import ApiError
from lcm_core.clients.http import ApiClient, RetryPolicy
from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Page, Resources
from lcm_core.contracts.definitions import Requirements
from lcm_core.contracts.workers import TemplateSpec, TemplateView, WorkerView
from lcm_core.domain.vocabulary import DefinitionPhase, WorkerPhase
from lcm_core.etcd import EtcdError
from lcm_simulators.world import World
from tests.chaos.adversary import Adversary
from tests.chaos.gateway import Gateway
from tests.chaos.history import History
from tests.chaos.invariants import always, at_rest, lives, past, secrets_in
from tests.chaos.machine import Machine, machine_in
from tests.chaos.picture import Picture, Viewer, viewer_of
from tests.chaos.schedule import LEASE_SECONDS, Fault, schedule
from tests.chaos.users import Users, end_all
from tests.chaos.watcher import Watcher
from tests.system.packages import two_routers
from tests.system.platform import Platform

FACTOR = 60.0
BOOT_SCALE = 0.1
REST_SECONDS = 150.0
LOOK_SECONDS = 1.0
ROOM = Resources(cores=8, memory_mb=32 * 1024, storage_gb=128, nodes=60)
NEEDS = Requirements(cores=2)
_PATIENT = RetryPolicy(attempts=4, first_pause=0.1, longest_pause=1.0)
_GONE = frozenset({WorkerPhase.TERMINATING, WorkerPhase.TERMINATED})
_UNREADABLE = (httpx.HTTPError, PyMongoError, EtcdError, KeyError)


@dataclass(slots=True)
class Report:
    """What came of a run."""

    seed: int
    faults: int = 0
    operations: int = 0
    unknown: int = 0
    sessions: int = 0
    looks: int = 0
    sign_ins: int = 0
    streams: int = 0
    rest_seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        verdict = f"{len(self.violations)} VIOLATIONS" if self.violations else "clean"
        return (
            f"seed {self.seed}: {verdict}; {self.faults} faults, {self.operations} operations "
            f"({self.unknown} unknown), {self.sessions} sessions ({ends}), {self.looks} looks, "
            f"{self.sign_ins} sign-ins, {self.streams} streams, "
            f"at rest after {self.rest_seconds:.1f} s"
        )


class Chaos:
    """A platform of two replicas each behind gateways, ready for one run after the other."""

    def __init__(
        self,
        world: World,
        viewer: Viewer,
        machine: Machine,
        platform: Platform,
        planes: Gateway,
        events: Gateway,
        labs: list[str],
    ) -> None:
        self._world = world
        self._viewer = viewer
        self._machine = machine
        self._platform = platform
        self._planes = planes
        self._events = events
        self._labs = labs
        self._lost_instances: set[str] = set()

    async def run(self, seed: int, duration: float, artifacts: Path) -> Report:
        """Play one seed and judge it; ``artifacts`` receives schedule, history and, after a violation, the logs."""
        faults, history, report = schedule(seed, duration), History(), Report(seed)
        adversary = Adversary(self._world, self._viewer, self._machine, self._planes, self._events, history, seed)
        watcher = Watcher(self._planes.url, token="" if self._machine.sessions.present else self._platform.token)
        clock = DomainClock(self._world.clock_file)
        users = Users(self._platform.api, self._world.url("lds"), clock, self._labs, history, seed)
        watches = [asyncio.create_task(self._watch(report, history)), asyncio.create_task(watcher.watch())]
        try:
            await _for(duration, [asyncio.create_task(users.act()), asyncio.create_task(adversary.play(faults))])
            report.violations += await adversary.heal()
            self._lost_instances |= adversary.lost_instances
            begun = time.monotonic()
            picture = await self._come_to_rest(report, watcher, begun)
            report.rest_seconds = time.monotonic() - begun
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
        self._judge(report, history, picture, adversary, watcher)
        self._keep(artifacts, faults, history, report, picture)
        self._viewer.settle(picture)
        return report

    async def _watch(self, report: Report, history: History) -> None:
        """Look at the bookings again and again; a store that is down has nothing to show."""
        while True:
            with suppress(*_UNREADABLE):
                found = always(await self._viewer.bookings())
                report.looks += 1
                fresh = [sentence for sentence in found if sentence not in report.violations]
                for sentence in fresh:
                    history.remark(f"VIOLATION: {sentence}")
                report.violations += fresh
            await asyncio.sleep(LOOK_SECONDS)

    async def _come_to_rest(self, report: Report, watcher: Watcher, begun: float) -> Picture:
        """Send everybody home, give every machine back, and wait until nothing is left."""
        picture = Picture()
        complaints = ["nothing was looked at"]
        while time.monotonic() - begun < REST_SECONDS:
            try:
                await self._send_home()
                picture = await self._viewer.picture()
                complaints = at_rest(picture, DomainClock(self._world.clock_file).now(), self._lost_instances)
                complaints += await self._viewer.broken()
                complaints += watcher.behind(picture)
            except (*_UNREADABLE, ApiError) as error:
                complaints = [f"the platform or the world did not answer: {type(error).__name__}: {error}"]
            if not complaints:
                return picture
            await asyncio.sleep(0.5)
        report.violations += complaints
        return picture

    async def _send_home(self) -> None:
        picture = await self._viewer.picture()
        living = [session for session in picture.sessions if session["status"]["phase"] != "terminated"]
        await end_all(
            self._platform.api, [session["_id"] for session in living if session["spec"]["desired"] != "ended"]
        )
        if living:
            return
        for worker in picture.bookings.workers:
            if worker["spec"]["desired"] != "terminated":
                path = f"/api/workers/{worker['_id']}/terminate"
                await self._platform.api.call("POST", path, response=WorkerView)

    def _judge(
        self, report: Report, history: History, picture: Picture, adversary: Adversary, watcher: Watcher
    ) -> None:
        texts = {**watcher.said()} | {f"the log of {name}": self._world.log(name) for name in self._world.names}
        texts["etcd"] = "".join(f"{key} {value.decode(errors='replace')}" for key, value in picture.shown.items())
        report.violations += past(picture, history) + secrets_in(texts, self._world.settings.secrets)
        counts = history.counts()
        report.sign_ins, report.streams = watcher.sign_ins, watcher.streams
        report.faults, report.operations, report.unknown = adversary.struck, counts.total(), counts["unknown"]
        mine = [found for found in picture.sessions if found["spec"]["note"].startswith(f"chaos {report.seed}/")]
        report.sessions = len(mine)
        for session in mine:
            outcome = str(session["status"]["outcome"])
            report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1

    def _keep(self, folder: Path, faults: list[Fault], history: History, report: Report, picture: Picture) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schedule.txt").write_text("".join(f"{fault}\n" for fault in faults))
        (folder / "verdict.txt").write_text("\n".join([str(report), *report.violations, ""]))
        history.write(folder / "history.jsonl")
        (folder / "lives.txt").write_text("".join(f"{line}\n" for line in lives(picture)))
        if report.violations:
            shutil.copytree(self._world.data_dir / "logs", folder / "logs", dirs_exist_ok=True)


async def _for(seconds: float, tasks: list[asyncio.Task[None]]) -> None:
    """Let tasks run for a while. An error of one of them is an error of the run."""
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


@asynccontextmanager
async def chaos_on(folder: Path) -> AsyncIterator[Chaos]:
    """A fresh platform with its labs and its kind of machine."""
    data = folder / "world"
    async with Gateway([]) as planes, Gateway([]) as events, machine_in(folder, data) as machine:
        addresses = {
            **machine.sessions.settings,
            "LCM_CONTROL_PLANE_URL": planes.url,
            "LCM_EVENTS_URL": f"{events.url}/events",
            "LCM_ELECTION_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        world = World(
            data,
            ports="ephemeral",
            clock_factor=FACTOR,
            boot_scale=BOOT_SCALE,
            environment=addresses,
            auto_restart=False,
            durable=False,
            replicas=2,
            report=lambda _: None,
        )
        planes.point_to([world.port("control-plane"), world.port("control-plane-2")])
        events.point_to([world.port("lablet-controller"), world.port("lablet-controller-2")])
        async with world, viewer_of(world) as viewer, _signed_in(world, planes.url) as platform:
            yield Chaos(world, viewer, machine, platform, planes, events, await _furnish(platform, folder))


@asynccontextmanager
async def _signed_in(world: World, url: str) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
        answer = await http.post(f"{url}/api/auth/login", json={"username": "admin", "password": "test"})
        answer.raise_for_status()
        token = answer.json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with ApiClient(url, name="the platform", headers=lambda: headers, retry=_PATIENT, timeout_seconds=5) as api:
        yield Platform(world, api, token)


async def _furnish(platform: Platform, folder: Path) -> list[str]:
    """One kind of machine, small enough to be short of, and two labs, one of them with a warm pool."""
    api = platform.api
    for template in (await api.call("GET", "/api/worker-templates", response=Page[TemplateView])).items:
        await api.call(
            "PUT",
            f"/api/worker-templates/{template.id}",
            body=template.spec.model_copy(update={"enabled": False}),
            headers={"If-Match": f'"{template.version}"'},
            response=TemplateView,
        )
    machine = TemplateSpec(
        name="chaos-room",
        instance_type="m5zn.metal",
        capacity=ROOM,
        hourly_cost_usd=3.9641,
        boot_minutes=1,
        max_workers_per_region=3,
        idle_timeout_minutes=10,
    )
    await api.call("POST", "/api/worker-templates", body=machine, response=TemplateView)
    labs: list[str] = []
    for name, more in (("plain", {}), ("graded", {"warm_pool_depth": 1})):
        package = two_routers(folder, f"chaos-{name}")
        made = await platform.define(
            package, requirements=NEEDS.model_dump(), boot_lead_minutes=2, cleanup_minutes=1, **more
        )
        assert made.status.phase is DefinitionPhase.ACTIVE, made.status.sync.errors
        labs.append(made.id)
    return labs
