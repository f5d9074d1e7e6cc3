"""EC2, CloudWatch and the system side of CML as one process sees them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TypeVar

from lcm_core.spi.cloudwatch import InstanceMetrics
from lcm_core.spi.cml_system import (
    CmlError,
    CmlTarget,
    CmlUnavailable,
    Layer,
    License,
    Readiness,
    Registration,
    SystemStats,
)
from lcm_core.spi.ec2 import (
    CapacityShortage,
    Ec2Unavailable,
    Image,
    Instance,
    InstanceGone,
    LaunchRequest,
    WrongInstanceState,
)
from tests.simulate.machines import CML_VERSION, Machine, Machines
from tests.simulate.network import Connection

T = TypeVar("T")
IMAGE = "cml-2.8.1"
GIB = 1024**3


def ec2_failure(sentence: str) -> Exception:
    """What the adapter raises when EC2 does not answer."""
    return Ec2Unavailable(sentence)


def cml_failure(sentence: str) -> Exception:
    """What the system adapter raises when CML does not answer."""
    return CmlUnavailable(sentence)


class Ec2View:
    """Implements ``Ec2``."""

    def __init__(self, machines: Machines, connection: Connection) -> None:
        self._machines = machines
        self._connection = connection

    async def describe_ours(self, region: str) -> Sequence[Instance]:
        """See ``Ec2``."""
        return [each for each in await self.describe_all(region) if each.worker_id]

    async def describe_all(self, region: str) -> Sequence[Instance]:
        """See ``Ec2``."""
        return await self._connection.ask(lambda: [each for each in self._machines.seen() if each.region == region])

    async def describe_one(self, region: str, instance_id: str) -> Instance:
        """See ``Ec2``."""
        del region
        return await self._connection.ask(lambda: self._known(instance_id).instance)

    def _known(self, instance_id: str) -> Machine:
        machine = self._machines.by_id.get(instance_id)
        if machine is None:
            raise InstanceGone(f"there is no {instance_id}")
        return self._machines.settled(machine)

    def _live(self, instance_id: str) -> Machine:
        machine = self._known(instance_id)
        if not machine.instance.state.live:
            raise WrongInstanceState(f"{instance_id} is {machine.instance.state}")
        return machine

    async def newest_image(self, region: str, pattern: str) -> Image | None:
        """See ``Ec2``."""
        del region
        fits = fnmatchcase(IMAGE, pattern)
        return await self._connection.ask(lambda: Image("ami-00000001", IMAGE, "2029-01-01") if fits else None)

    async def image_ids(self, region: str, patterns: Sequence[str]) -> Mapping[str, str]:
        """See ``Ec2``."""
        del region, patterns
        return await self._connection.ask(lambda: {"ami-00000001": IMAGE})

    async def launch(self, request: LaunchRequest) -> Instance:
        """See ``Ec2``."""

        def make() -> Instance:
            if self._machines.shortage:
                raise CapacityShortage("there is no such machine now")
            return self._machines.launch(request)

        return await self._connection.call(make)

    async def start(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        del region
        await self._connection.call(lambda: self._machines.start(self._live(instance_id)))

    async def stop(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        del region
        await self._connection.call(lambda: self._machines.stop(self._live(instance_id)))

    async def terminate(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        del region
        await self._connection.call(lambda: self._machines.terminate(self._known(instance_id)))

    async def tag(self, region: str, instance_id: str, tags: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """See ``Ec2``."""
        del region

        def change() -> None:
            machine = self._known(instance_id)
            kept = {name: value for name, value in machine.instance.tags.items() if name not in remove}
            machine.instance = replace(machine.instance, tags={**kept, **tags})

        await self._connection.call(change)

    async def set_detailed_monitoring(self, region: str, instance_id: str, enabled: bool) -> None:
        """See ``Ec2``."""
        del region

        def change() -> None:
            machine = self._known(instance_id)
            machine.instance = replace(machine.instance, detailed_monitoring=enabled)

        await self._connection.call(change)


class CloudWatchView:
    """Implements ``CloudWatch``: no points, as for instances that just started."""

    async def latest(
        self, region: str, instance_ids: Sequence[str], *, until: datetime, window_seconds: int, period_seconds: int
    ) -> Mapping[str, InstanceMetrics]:
        """See ``CloudWatch``."""
        del region, instance_ids, until, window_seconds, period_seconds
        return {}


class CmlSystemView:
    """Implements ``CmlSystem``."""

    def __init__(self, machines: Machines, connection: Connection) -> None:
        self._machines = machines
        self._connection = connection

    async def readiness(self, target: CmlTarget) -> Readiness:
        """See ``CmlSystem``."""

        def look() -> Readiness:
            machine = self._machines.at(target.endpoint)
            if machine is None:
                return Readiness(Layer.TCP, "Nothing accepts connections at CML's address.")
            if not self._machines.usable(machine):
                return Readiness(Layer.READY, "CML is up and not ready yet.", CML_VERSION)
            return Readiness(None, "CML is ready.", CML_VERSION)

        try:
            return await self._connection.call(look)
        except CmlError as error:
            return Readiness(Layer.HTTP, str(error))

    async def _on(self, target: CmlTarget, work: Callable[[Machine], T]) -> T:
        def effect() -> T:
            machine = self._machines.at(target.endpoint)
            if machine is None or not self._machines.usable(machine):
                raise CmlUnavailable("CML does not answer")
            return work(machine)

        return await self._connection.call(effect)

    async def system_stats(self, target: CmlTarget) -> SystemStats:
        """See ``CmlSystem``."""
        stats = SystemStats(48, 10.0, 192 * GIB, 10 * GIB, 256 * GIB, 20 * GIB, 0)
        return await self._on(target, lambda machine: stats)

    async def node_definitions(self, target: CmlTarget) -> Sequence[str]:
        """See ``CmlSystem``."""
        return await self._on(target, lambda machine: ["iosv", "iosvl2", "server"])

    async def license(self, target: CmlTarget) -> License:
        """See ``CmlSystem``."""
        return await self._on(target, self._license)

    def _license(self, machine: Machine) -> License:
        registering = machine.license.registration is Registration.IN_PROGRESS
        if registering and machine.licensed_at is not None and self._machines.now() >= machine.licensed_at:
            machine.license = replace(
                machine.license, registration=Registration.COMPLETED, authorization="IN_COMPLIANCE"
            )
        return machine.license

    async def set_product(self, target: CmlTarget, product: str) -> None:
        """See ``CmlSystem``."""

        def change(machine: Machine) -> None:
            machine.license = replace(machine.license, product=product)

        await self._on(target, change)

    async def register(self, target: CmlTarget, token: str, *, reregister: bool) -> None:
        """See ``CmlSystem``."""
        del token, reregister

        def change(machine: Machine) -> None:
            machine.licensed_at = self._machines.now() + timedelta(seconds=self._machines.chance.uniform(1, 20))
            machine.license = replace(
                machine.license,
                registration=Registration.IN_PROGRESS,
                expires=self._machines.now() + timedelta(days=180),
                expansion_nodes=machine.license.expansion_nodes or 0,
                expansion_maximum=300,
            )

        await self._on(target, change)

    async def set_expansion_nodes(self, target: CmlTarget, count: int) -> None:
        """See ``CmlSystem``."""

        def change(machine: Machine) -> None:
            machine.license = replace(machine.license, expansion_nodes=count)

        await self._on(target, change)

    async def renew(self, target: CmlTarget) -> None:
        """See ``CmlSystem``."""
        await self._on(target, lambda machine: None)

    async def deregister(self, target: CmlTarget) -> bool:
        """See ``CmlSystem``."""

        def change(machine: Machine) -> bool:
            machine.license = License(Registration.NOT_REGISTERED, "EVAL", machine.license.product)
            return True

        return await self._on(target, change)

    async def pushed_stats(self, target: CmlTarget) -> AsyncIterator[SystemStats]:
        """See ``CmlSystem``: this CML pushes nothing."""
        if target.endpoint:
            raise CmlUnavailable("this CML has no event stream")
        yield await self.system_stats(target)

    async def forget(self, worker_id: str) -> None:
        """See ``CmlSystem``."""
