"""One simulated installation: stores, control planes, controllers and the world around them."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

from lcm_core.clock import ClockAnchor, DomainClock
from lcm_core.domain.vocabulary import ServiceName
from tests.simulate.artifacts import Files
from tests.simulate.database import Database
from tests.simulate.etcd import Etcd
from tests.simulate.learning import Engine, Learning, Post
from tests.simulate.machines import Machines
from tests.simulate.meddling import Meddling
from tests.simulate.network import Weather
from tests.simulate.plane import REPLICAS, Backing, Balancer, Plane
from tests.simulate.replica import Around, Replica
from tests.simulate.virtual_time import START
from tests.simulate.wire import DirectClient

FACTOR = 120.0
SERVICES = (ServiceName.RESOURCE_SCHEDULER, ServiceName.WORKER_CONTROLLER, ServiceName.LABLET_CONTROLLER)


class SimulatedClock(DomainClock):
    """Domain time that may be moved forward."""

    def __init__(self, factor: float) -> None:
        self._given = ClockAnchor(real_anchor=START, domain_anchor=START, factor=factor)
        super().__init__(simulation=True)

    def _refresh(self) -> None:
        self._anchor = self._given

    def jump(self, seconds: float) -> None:
        """Move domain time forward at once, for everybody."""
        self._given = replace(self._given, domain_anchor=self._given.domain_anchor + timedelta(seconds=seconds))


class World:
    """See the module's text."""

    def __init__(self, seed: int, factor: float = FACTOR) -> None:
        self.seed = seed
        self.chance = random.Random(f"{seed}/world")
        self.clock = SimulatedClock(factor)
        self.weather = Weather(seed)
        self.meddling = Meddling(seed)
        self.database = Database()
        self.etcd = Etcd(seed)
        self.machines = Machines(seed, self.clock.now)
        self.objects: dict[tuple[str, str], bytes] = {}
        self.post = Post(seed, self.clock, self._deliver)
        self.learning = Learning(seed, self.clock, self.post)
        self.engine = Engine(seed, self.clock, self.post)
        self.planes: dict[int, Plane] = {}
        self.replicas: dict[str, Replica] = {}
        self._files = Files()
        self._started = 0
        self._signs: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start two of everything."""
        self._signs = asyncio.create_task(self.etcd.signs_of_life())
        for number in range(REPLICAS):
            self.start_plane(number)
        for service in SERVICES:
            for place in ("a", "b"):
                self.start_replica(service, place)

    def start_plane(self, number: int) -> None:
        """Start the n-th control plane again, or for the first time."""
        backing = Backing(self.database, self.etcd, self._files, self.clock, self.weather)
        self.planes[number] = Plane(number, backing)
        self.planes[number].start()

    def start_replica(self, service: ServiceName, place: str) -> None:
        """Start a controller process in one of the service's two places."""
        around = Around(
            self.weather,
            self.meddling,
            self.clock,
            self.etcd,
            self.planes,
            self.machines,
            self.objects,
            self.learning,
            self.engine,
        )
        self._started += 1
        replica = Replica(service, self._started, around)
        self.replicas[f"{service}/{place}"] = replica
        replica.start()

    def stop(self) -> None:
        """End everything at once."""
        for plane in self.planes.values():
            plane.kill()
        for replica in self.replicas.values():
            replica.kill()

    def client(self, word: str) -> "Caller":
        """Somebody who calls the API: ``role:name``."""
        return Caller(self, word)

    async def _deliver(self, body: bytes) -> bool:
        living = [
            replica
            for _, replica in sorted(self.replicas.items())
            if replica.alive and replica.service is ServiceName.LABLET_CONTROLLER
        ]
        return bool(living) and await self.chance.choice(living).take_event(body)


class Caller:
    """A person or program at the public API."""

    def __init__(self, world: World, word: str) -> None:
        self.api = DirectClient(Balancer(world.planes, world.weather), word)
