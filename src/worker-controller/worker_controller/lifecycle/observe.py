"""Looking at one worker's machine: EC2 from the shared snapshot, CML over its own connection, the claims."""

from dataclasses import dataclass
from datetime import datetime

from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import WorkerView
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.spi.cml_system import (
    CmlError,
    CmlSignInRefused,
    CmlSystem,
    CmlTarget,
    Layer,
    Readiness,
)
from lcm_core.spi.ec2 import Ec2, Ec2Error, Instance, InstanceGone, InstanceState
from worker_controller.bookings import BookingBook
from worker_controller.credentials import Credentials
from worker_controller.launching import Breaker
from worker_controller.licensing.words import REGISTERING
from worker_controller.lifecycle.facts import Bookings, CmlFacts, Facts
from worker_controller.pace import Pace, Pacer
from worker_controller.region import RegionObserver

_LOOKS_AT_CML = frozenset(
    {WorkerPhase.STARTING, WorkerPhase.RUNNING, WorkerPhase.DRAINING, WorkerPhase.TERMINATING, WorkerPhase.FAILED}
)
_CHANGING = frozenset(
    {
        WorkerPhase.PENDING,
        WorkerPhase.PROVISIONING,
        WorkerPhase.STOPPING,
        WorkerPhase.TERMINATING,
    }
)


class Memory:
    """What this process remembers of its own doings; losing it costs one early repeat, never a double effect."""

    def __init__(self) -> None:
        self.license_retry_at: dict[str, datetime] = {}
        self.license_refusal: dict[str, str] = {}
        self.growth_refused: dict[str, int] = {}
        self.definitions_read: set[str] = set()
        self.license_silent_since: dict[str, datetime] = {}

    def forget(self, worker_id: str) -> None:
        """The worker is gone."""
        self.license_retry_at.pop(worker_id, None)
        self.license_refusal.pop(worker_id, None)
        self.growth_refused.pop(worker_id, None)
        self.definitions_read.discard(worker_id)
        self.license_silent_since.pop(worker_id, None)


@dataclass(frozen=True, slots=True)
class Outside:
    """Where facts come from."""

    ec2: Ec2
    regions: RegionObserver
    cml: CmlSystem
    bookings: BookingBook
    credentials: Credentials
    breaker: Breaker
    memory: Memory
    settling: Settling


class Observer:
    """Collects the facts about one worker."""

    def __init__(self, outside: Outside, clock: DomainClock, pacer: Pacer) -> None:
        self._outside = outside
        self._clock = clock
        self._pacer = pacer

    async def facts(self, worker: WorkerView) -> Facts:
        """What is known now. Raises ``ApiError`` when the control plane keeps the credentials to itself."""
        now = self._clock.now()
        known, instance, twins = await self._instance(worker)
        cml: CmlFacts | None = None
        has_token = True
        if instance is not None and instance.state is InstanceState.RUNNING and worker.status.phase in _LOOKS_AT_CML:
            cml, has_token = await self._cml(worker, instance)
        memory = self._outside.memory
        return Facts(
            ec2_known=known,
            instance=instance,
            twins=twins,
            cml=cml,
            bookings=await self._bookings(worker, now),
            has_license_token=has_token,
            blocked_until=self._outside.breaker.blocked_until((worker.spec.template_id, worker.spec.region), now),
            license_retry_at=memory.license_retry_at.get(worker.id),
            license_refusal=memory.license_refusal.get(worker.id, ""),
            growth_refused=memory.growth_refused.get(worker.id) == worker.generation,
            license_settles_in=self._license_settles_in(worker),
            license_silent_since=self._silent_since(worker, cml, now),
        )

    def _license_settles_in(self, worker: WorkerView) -> float:
        if worker.status.phase is WorkerPhase.TERMINATING and worker.status.license.status == REGISTERING:
            return self._outside.settling.remaining(worker.id, "license")
        return 0.0

    def _silent_since(self, worker: WorkerView, cml: CmlFacts | None, now: datetime) -> datetime | None:
        """Since when, by this process's clock, the CML of a worker that terminates has said nothing of a license."""
        silent = self._outside.memory.license_silent_since
        if worker.status.phase is not WorkerPhase.TERMINATING or (cml is not None and cml.license is not None):
            silent.pop(worker.id, None)
            return None
        return silent.setdefault(worker.id, now)

    async def _instance(self, worker: WorkerView) -> tuple[bool, Instance | None, tuple[str, ...]]:
        """Whether EC2 answered, the worker's instance and further living ones with its tag."""
        known_id = worker.status.instance.instance_id
        region = worker.spec.region
        try:
            found = await self._outside.regions.of_worker(region, worker.id, known_id, max_age=self._max_age(worker))
            if not found and worker.spec.import_instance_id:
                found = [await self._outside.ec2.describe_one(region, worker.spec.import_instance_id)]
        except InstanceGone:
            return True, None, ()
        except Ec2Error:
            return False, None, ()
        if not found:
            return True, None, ()
        twins = tuple(each.instance_id for each in found[1:] if each.state.live)
        return True, found[0], twins

    def _max_age(self, worker: WorkerView) -> float:
        if worker.status.phase is WorkerPhase.PENDING and worker.status.attempt is not None:
            return 0.0  # somebody called EC2 before: only a look of our own time tells what came of it
        if worker.generation > worker.status.observed_generation or worker.status.phase in _CHANGING:
            return self._pacer.real_seconds(Pace.INSTANCE)
        if worker.status.phase is WorkerPhase.STARTING:
            return max(2.0, self._pacer.real_seconds(Pace.INSTANCE))
        return self._pacer.real_seconds(Pace.STEADY) / 2

    async def _bookings(self, worker: WorkerView, now: datetime) -> Bookings | None:
        return await self._outside.bookings.of_worker(worker.id, now, max_age=1.0)

    async def _cml(self, worker: WorkerView, instance: Instance) -> tuple[CmlFacts | None, bool]:
        if not instance.endpoint:
            return None, True
        credentials = await self._outside.credentials.of(worker.id)
        target = CmlTarget(worker.id, instance.endpoint, credentials.cml_username, credentials.cml_password)
        readiness = await self._outside.cml.readiness(target)
        if readiness.failing is not None:
            return CmlFacts(readiness), bool(credentials.license_token)
        facts = await self._inside(worker, target, readiness)
        return facts, bool(credentials.license_token)

    async def _inside(self, worker: WorkerView, target: CmlTarget, readiness: Readiness) -> CmlFacts:
        """What only a signed-in caller learns."""
        cml, memory = self._outside.cml, self._outside.memory
        try:
            stats = await cml.system_stats(target)
            license_now = await cml.license(target)
            definitions: tuple[str, ...] | None = None
            if worker.id not in memory.definitions_read:
                definitions = tuple(await cml.node_definitions(target))
                memory.definitions_read.add(worker.id)
        except CmlSignInRefused as error:
            self._outside.credentials.forget(worker.id)
            return CmlFacts(Readiness(Layer.SIGN_IN, str(error), readiness.version))
        except CmlError as error:
            return CmlFacts(Readiness(Layer.HTTP, str(error), readiness.version))
        return CmlFacts(readiness, stats, license_now, definitions)
