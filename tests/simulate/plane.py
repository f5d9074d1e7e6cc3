"""A control plane replica: the real application over the in-memory stores, called without a network."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from starlette.requests import HTTPConnection

from control_plane_api.api.edge import Edge
from control_plane_api.application.authorization.authenticator import Authenticators
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.jobs.catalog import JOBS
from control_plane_api.application.jobs.runner import JobRunner
from control_plane_api.application.projection.reconcile import ProjectionReconciler
from control_plane_api.application.sweeping.sweeper import Sweeper
from control_plane_api.composition import stores as stores_module
from control_plane_api.composition.platform import build_mediator
from control_plane_api.composition.stores import Stores, open_stores
from control_plane_api.kernel.builder import IsolatedBuilder
from control_plane_api.settings import Settings
from lcm_core.clients.errors import Unreachable
from lcm_core.clock import DomainClock
from lcm_core.domain.vocabulary import ServiceName
from tests.simulate.artifacts import Files, MemoryArtifacts
from tests.simulate.database import Database, DatabaseView, database_failure
from tests.simulate.etcd import Etcd, EtcdView, etcd_failure
from tests.simulate.network import LOST, Connection, Fate, Weather
from tests.simulate.wire import Answer, Call, Way, answer

JOB_SECONDS = 30.0
REPLICAS = 2
_SERVICES = frozenset(str(service) for service in ServiceName)


@dataclass(frozen=True, slots=True)
class Backing:
    """What every replica shares."""

    database: Database
    etcd: Etcd
    files: Files
    clock: DomainClock
    weather: Weather


class _SimulatedSignIn:
    """Believes what the caller says: ``service name`` or ``role:name``."""

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """See ``Authenticator``."""
        return _principal(connection.headers.get("authorization", "").removeprefix("Bearer "))

    async def still_valid(self, principal: Principal) -> bool:
        """See ``Authenticator``."""
        del principal
        return True


@cache
def _principal(word: str) -> Principal:
    if word in _SERVICES:
        return Principal(word, f"service-account-lcm-{word}", frozenset({word}), client_id=f"lcm-{word}", service=word)
    role, _, name = word.partition(":")
    return Principal(name, name, frozenset({role}), "exams")


@cache
def settings() -> Settings:
    """The control plane's settings, read once per process of the simulation."""
    with patch.dict("os.environ", {"LCM_CML_PASSWORD": "simulated", "LCM_CML_LICENSE_TOKEN": "simulated"}):
        return Settings()


class _Client:
    """Stands for the driver's client."""

    def __init__(self, view: DatabaseView) -> None:
        self._view = view

    def __getitem__(self, name: str) -> DatabaseView:
        return self._view

    async def close(self) -> None:
        """Nothing is held."""


class Plane:
    """One replica from start to death."""

    def __init__(self, number: int, backing: Backing) -> None:
        self.number = number
        self._links = [
            Connection(backing.weather, "database", database_failure),
            Connection(backing.weather, "etcd", etcd_failure),
        ]
        self.stores = self._open(backing)
        self._state = SimpleNamespace(edge=self._build_edge(), clock=backing.clock, browser=None)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.alive = False

    def _open(self, backing: Backing) -> Stores:
        database, etcd = self._links
        view = DatabaseView(backing.database, database)
        replaced: dict[str, Callable[..., Any]] = {
            "connect": lambda uri: _Client(view),
            "EtcdClient": lambda *args, **options: EtcdView(backing.etcd, etcd),
            "GridArtifacts": lambda _: MemoryArtifacts(backing.files, database),
        }
        with ExitStack() as stack:
            for name, factory in replaced.items():
                stack.enter_context(patch.object(stores_module, name, factory))
            stack.enter_context(patch("lcm_core.settings.ClockSettings.domain_clock", lambda _: backing.clock))
            return open_stores(settings())

    def _build_edge(self) -> Edge:
        stores = self.stores
        nobody: Any = SimpleNamespace(passwords=object(), tokens=object())
        deps = stores.deps(settings())
        mediator, _ = build_mediator(IsolatedBuilder(), stores, nobody, deps, object())  # type: ignore[arg-type]
        return Edge(
            mediator=mediator,
            authenticators=Authenticators([_SimulatedSignIn()]),
            audit=stores.audit,
            idempotency=stores.idempotency,
            terms=stores.terms,
            request_seconds=settings().app.request_seconds,
        )

    def start(self) -> None:
        """Serve, and run what runs beside the requests."""
        self.alive = True
        self._begin(self._work(), "plane")

    async def _work(self) -> None:
        stores, deps = self.stores, self.stores.deps(settings())
        runner = JobRunner(deps, stores.jobs)
        await self._until_it_works(lambda: stores.seed(settings()))
        self._begin(self._forever(stores.dispatcher.run), "dispatcher")
        self._begin(self._forever(ProjectionReconciler(stores.database, stores.etcd).run), "projection")  # type: ignore[arg-type]
        self._begin(self._forever(Sweeper(deps, stores.claims, stores.artifacts).run), "sweeper")
        while True:
            await asyncio.sleep(JOB_SECONDS)
            for job in JOBS:
                await runner.tick(job)

    @staticmethod
    async def _until_it_works(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                return await work()
            except Exception:  # like the product's start: whatever it is, the store is not there yet
                await asyncio.sleep(0.5)

    @staticmethod
    async def _forever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The product starts a background service again when it fails; so does this."""
        while True:
            try:
                await work()
            except (ConnectionError, OSError, RuntimeError):
                await asyncio.sleep(0.5)

    def _begin(self, work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work, name=f"{name} {self.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def kill(self) -> None:
        """Die at once: nothing that runs goes on, nothing reaches the stores any more."""
        self.alive = False
        for link in self._links:
            link.cut()
        for task in sorted(self._tasks, key=hash):
            task.cancel()

    async def serve(self, call: Call) -> Answer:
        """Answer a request, also when the caller goes away meanwhile. Raises ``Unreachable`` when this dies."""
        task = self._begin(answer(call, self._state), "request")
        try:
            given: Answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Unreachable("the control plane died while it answered") from None
            raise
        return given


class Balancer(Way):
    """The way from one process to whatever control plane lives."""

    def __init__(self, planes: dict[int, Plane], weather: Weather) -> None:
        self._planes = planes
        self._weather = weather
        self._turn = 0
        self.alive = True
        self.stuck_until = 0.0

    async def carry(self, call: Call) -> Answer:
        """See ``Way``."""
        now = asyncio.get_running_loop().time()
        if now < self.stuck_until:
            await asyncio.sleep(self.stuck_until - now)
        plane = self._next()
        fate = self._weather.fate("control plane", asyncio.get_running_loop().time())
        if fate is Fate.REFUSED:
            await asyncio.sleep(0)
            raise Unreachable("the control plane is away")
        if fate is Fate.SLOW:
            await asyncio.sleep(self._weather.long_moment())
        given = await plane.serve(call)
        if fate in LOST:
            await asyncio.sleep(Weather.LOST_AFTER)
            raise Unreachable("the control plane did not answer in time")
        if not self.alive:
            raise Unreachable("the process is dead")
        return given

    def _next(self) -> Plane:
        living = [plane for _, plane in sorted(self._planes.items()) if plane.alive]
        if not living or not self.alive:
            raise Unreachable("nobody answers")
        self._turn += 1
        return living[self._turn % len(living)]
