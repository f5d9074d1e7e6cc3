"""The world: fleet, metrics, objects, limits and what steers them."""

import asyncio

import httpx

from lcm_simulators.common import FaultBook, Journal
from lcm_simulators.ec2.catalog import MACHINES, image_of
from lcm_simulators.ec2.clock import start_clock
from lcm_simulators.ec2.cloudwatch import CloudWatch
from lcm_simulators.ec2.cloudwatch.load import LoadHistory
from lcm_simulators.ec2.conditions import Conditions
from lcm_simulators.ec2.instances.addresses import AddressPool
from lcm_simulators.ec2.instances.fleet import Fleet, FleetSettings
from lcm_simulators.ec2.instances.model import Instance
from lcm_simulators.ec2.instances.power import ControllerBody, PowerSwitch
from lcm_simulators.ec2.instances.store import InstanceStore
from lcm_simulators.ec2.moto import Moto
from lcm_simulators.ec2.s3 import S3
from lcm_simulators.ec2.settings import Ec2Settings
from lcm_simulators.ec2.throttle import Throttle, ThrottleSettings

_CML_LIMIT_SECONDS = 15.0


class Ec2World:
    """Everything behind the endpoint. Make it before the event loop serves; `start` and `close` belong to the loop."""

    def __init__(self, settings: Ec2Settings) -> None:
        self.settings = settings
        self.journal = Journal()
        self.faults = FaultBook()
        store = InstanceStore(settings.data_dir / "instances")
        self.clock = start_clock(settings.clock_factor, settings.clock_file, store.latest)
        self.conditions = Conditions(throttle=ThrottleSettings(enabled=settings.throttle))
        self.throttle = Throttle(self.conditions.throttle)
        self._cml = (
            httpx.AsyncClient(base_url=settings.cml_url, timeout=_CML_LIMIT_SECONDS, trust_env=False)
            if settings.cml_url
            else None
        )
        self.power = PowerSwitch(self._cml, self._controller_of, store.save)
        self.fleet = Fleet(
            store,
            self.clock,
            self.conditions,
            self.power,
            AddressPool(settings.network),
            FleetSettings(settings.boot_scale, settings.cml_port),
        )
        self.cloudwatch = CloudWatch(self.fleet, LoadHistory(self._cml, self.clock))
        self.s3 = S3(settings.data_dir / "s3")
        self.moto = Moto(settings.moto_url)
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on where the last process ended."""
        self.fleet.resume()
        self._warming = asyncio.create_task(self.moto.warm_up())

    async def close(self) -> None:
        """Stop timers and connections; everything is stored already."""
        self.fleet.close()
        if self._warming is not None:
            self._warming.cancel()
        await self.power.close()
        await self.moto.close()
        if self._cml is not None:
            await self._cml.aclose()

    def set_conditions(self, conditions: Conditions) -> None:
        """Put new conditions in force."""
        self.conditions = self.fleet.conditions = conditions
        self.throttle.replace(conditions.throttle)

    def _controller_of(self, instance: Instance) -> ControllerBody | None:
        image = image_of(instance.region, instance.image_id)
        if image is None or not image.cml_version:
            return None
        machine = MACHINES[instance.instance_type]
        return ControllerBody(
            address=instance.address,
            port=self.settings.cml_port,
            version=image.cml_version,
            cpus=machine.vcpus,
            memory_mb=machine.memory_mb,
            disk_gb=instance.disk_gb,
            boot_seconds=self.settings.cml_boot_seconds * self.settings.boot_scale,
            admin_password=self.settings.cml_password.get_secret_value(),
        )
