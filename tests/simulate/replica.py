"""A controller replica: the real parts and the real runtime of a service, over connections that die with it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from lablet_controller import service as lablets
from lablet_controller.events.intake import Intake
from lablet_controller.events.parse import MalformedEvent, parse_events
from lablet_controller.outside import Outside
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import ApiError
from lcm_core.clock import DomainClock
from lcm_core.contracts.platform import ObtainTerm
from lcm_core.controller import (
    Controller,
    ElectionTimes,
    ElectionWon,
    LeaderElection,
    Leadership,
    ShardAssignment,
    fencing_headers,
    record_write,
)
from lcm_core.controller.parts import Build, ServiceContext, ServiceParts, ServiceSettings
from lcm_core.domain.vocabulary import ServiceName
from resource_scheduler import service as scheduler
from tests.simulate.etcd import Etcd, EtcdView, etcd_failure
from tests.simulate.learning import DeliveryView, Engine, EngineView, Learning
from tests.simulate.machines import Machines
from tests.simulate.meddling import Meddling, meddled
from tests.simulate.network import Connection, Weather
from tests.simulate.outside_ec2 import CloudWatchView, CmlSystemView, Ec2View, cml_failure, ec2_failure
from tests.simulate.outside_labs import CmlLabsView, StoreView, outside_failure, outside_unheard
from tests.simulate.plane import Balancer, Plane
from tests.simulate.wire import DirectClient
from worker_controller import service as workers

PACE = {
    "LCM_ELECTION_LEASE_SECONDS": "4",
    "LCM_ELECTION_MARGIN_SECONDS": "1",
    "LCM_WORKER_METRICS_POLL_SECONDS": "1200",
    "LCM_WORKER_DISCOVERY_SECONDS": "900",
    "LCM_WORKER_STEADY_SECONDS": "480",
    "LCM_LABLET_ORPHAN_GRACE_SECONDS": "8",
    "LCM_LABLET_SETTLING_SECONDS": "13",
}
"""Leases that fit the speed of the clock; and what only repeats itself while nothing happens is done less often."""
STRUCTURED = {"content-type": "application/cloudevents+json"}


@dataclass(frozen=True, slots=True)
class Around:
    """Everything a controller talks to."""

    weather: Weather
    meddling: Meddling
    clock: DomainClock
    etcd: Etcd
    planes: dict[int, Plane]
    machines: Machines
    objects: dict[tuple[str, str], bytes]
    learning: Learning
    engine: Engine


@cache
def runtime_settings() -> ServiceSettings:
    """Settings of the controllers' runtime, read once per process of the simulation."""
    with patch.dict("os.environ", PACE):
        return ServiceSettings()


class Replica:
    """One process of a service, from start to death or graceful end."""

    def __init__(self, service: ServiceName, number: int, around: Around) -> None:
        self.service = service
        self.identity = f"{service}-{number}"
        self._around = around
        self._links: list[Connection] = []
        self._balancer = Balancer(around.planes, around.weather)
        self._etcd = EtcdView(around.etcd, self._link("etcd", etcd_failure))
        self._plane = ControlPlaneClient(
            DirectClient(self._balancer, service.value, headers=fencing_headers(service)), on_write=record_write
        )
        self._assignment: ShardAssignment | None = None
        self._intake: Intake | None = None
        self._main: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self.controllers: list[Controller] = []
        self.alive = False

    def _link(
        self, remote: str, failure: Callable[[str], Exception], unheard: Callable[[str], Exception] | None = None
    ) -> Connection:
        link = Connection(self._around.weather, remote, failure, unheard)
        self._links.append(link)
        return link

    # Life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work."""
        self.alive = True
        self._main = asyncio.create_task(self._run(), name=self.identity)

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            context = ServiceContext(
                settings=replace(
                    runtime_settings(),
                    runtime=runtime_settings().runtime.model_copy(update={"identity": self.identity}),
                ),
                etcd=self._etcd,  # type: ignore[arg-type]
                control_plane=self._plane,
                clock=self._around.clock,
                verifier=None,  # type: ignore[arg-type]
                exit_stack=stack,
            )
            parts = await self._build(context)
            self._assignment = self._assign(parts)
            works = [informer.run() for informer in parts.informers]
            works += [self._assignment.run(lambda leadership: self._lead(parts, leadership))]
            works += [_coroutine(work) for work in parts.background if work is not workers.watch_loop_lag]
            self._tasks = [asyncio.create_task(work) for work in works]
            await asyncio.gather(*self._tasks)

    async def _build(self, context: ServiceContext) -> ServiceParts:
        """The service's own parts, with the simulated world in place of its adapters."""
        replaced = _REPLACED[self.service](self, self._around)
        builds: dict[ServiceName, tuple[Any, Build]] = {
            ServiceName.RESOURCE_SCHEDULER: (scheduler, scheduler.build),
            ServiceName.WORKER_CONTROLLER: (workers, workers.build),
            ServiceName.LABLET_CONTROLLER: (lablets, lablets.build),
        }
        module, build = builds[self.service]
        with ExitStack() as stack:
            stack.enter_context(patch.dict("os.environ", PACE))
            for name, factory in replaced.items():
                stack.enter_context(patch.object(module, name, factory))
            # The build functions never wait, so no other process is built meanwhile.
            return await build(context)

    def _assign(self, parts: ServiceParts) -> ShardAssignment:
        del parts
        runtime = runtime_settings().runtime

        def election(shard: int) -> LeaderElection:
            return LeaderElection(
                self._etcd,
                service=self.service,
                shard=shard,
                identity=self.identity,
                admin_url="",
                obtain_term=self._obtain_term,
                times=ElectionTimes(runtime.lease_seconds, runtime.lease_margin_seconds, runtime.grace_seconds),
            )

        return ShardAssignment(
            self._etcd,
            service=self.service,
            identity=self.identity,
            admin_url="",
            shards=1,
            make_election=election,
        )

    async def _obtain_term(self, won: ElectionWon) -> int:
        body = ObtainTerm(
            service=self.service,
            shard=won.shard,
            etcd_key=won.etcd_key,
            create_revision=won.create_revision,
            identity=won.identity,
        )
        return (await self._plane.obtain_term(body)).term

    async def _lead(self, parts: ServiceParts, leadership: Leadership) -> None:
        mine = [Controller(spec, leadership, domain_clock=self._around.clock) for spec in parts.controllers]
        self.controllers.extend(mine)
        try:
            async with asyncio.TaskGroup() as group:
                for controller in mine:
                    group.create_task(controller.run(), name=controller.spec.name)
        finally:
            for controller in mine:
                self.controllers.remove(controller)

    def kill(self) -> None:
        """Die at once, like SIGKILL: nothing it still does reaches anybody."""
        self.alive = False
        self._balancer.alive = False
        for link in self._links:
            link.cut()
        for task in (self._main, *self._tasks):
            if task is not None:
                task.cancel()

    def stick(self, until: float) -> None:
        """Let nothing pass until an instant of real time; what it sent meanwhile arrives then, however late."""
        for link in (self._balancer, *self._links):
            link.stuck_until = until

    def failed(self) -> BaseException | None:
        """What ended the process by itself, if anything did."""
        if self.alive and self._main is not None and self._main.done() and not self._main.cancelled():
            return self._main.exception()
        return None

    # Events ----------------------------------------------------------------------------------------------------

    async def take_event(self, body: bytes) -> bool:
        """What ``POST /events`` does once the sender is known: True when the event is durable."""
        if not self.alive or self._intake is None:
            return False
        try:
            await self._intake.accept(parse_events(STRUCTURED, body))
        except (ApiError, MalformedEvent):
            return False
        return self.alive

    def keep_intake(self, store: Any) -> Intake:
        """The service's intake, which events are handed to directly."""
        self._intake = Intake(store)
        return self._intake

    # What the build functions find instead of their adapters ------------------------------------------------------

    def worker_adapters(self, around: Around) -> dict[str, Any]:
        """In place of AWS and of CML's system API."""
        ec2 = meddled(Ec2View(around.machines, self._link("EC2", ec2_failure)), around.meddling)
        cml = meddled(CmlSystemView(around.machines, self._link("CML", cml_failure)), around.meddling)
        return {
            "AwsClients": lambda **options: SimpleNamespace(close=lambda: None),
            "BotoEc2": lambda clients: ec2,
            "BotoCloudWatch": lambda clients: CloudWatchView(),
            "Trust": lambda bundle: None,
            "HttpCmlSystem": lambda *args, **options: _Closing(cml),
        }

    def lablet_adapters(self, around: Around) -> dict[str, Any]:
        """In place of CML's labs API, LDS, the grading engine and S3."""

        def link(remote: str, system: str) -> Connection:
            return self._link(remote, outside_failure(system), outside_unheard(system))

        labs = CmlLabsView(around.machines, link("CML", "CML"))
        delivery = DeliveryView(around.learning, link("LDS", "LDS"))
        engine = EngineView(around.engine, link("grading", "grading engine"))
        outside = Outside(
            meddled(labs, around.meddling),
            StoreView(around.objects, link("S3", "S3")),
            meddled(delivery, around.meddling),
            meddled(engine, around.meddling),
        )
        return {"connect": lambda settings, stack: outside, "Intake": self.keep_intake}

    def no_adapters(self, around: Around) -> dict[str, Any]:
        """The scheduler talks to the control plane only."""
        del around
        return {}


_REPLACED: dict[ServiceName, Callable[[Replica, Around], dict[str, Any]]] = {
    ServiceName.RESOURCE_SCHEDULER: Replica.no_adapters,
    ServiceName.WORKER_CONTROLLER: Replica.worker_adapters,
    ServiceName.LABLET_CONTROLLER: Replica.lablet_adapters,
}


class _Closing:
    """An adapter that can be closed."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def close(self) -> None:
        """Nothing is held."""


async def _coroutine(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await work()
