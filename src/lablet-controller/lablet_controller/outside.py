"""The adapters of one process, and what every part of the controller shares."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

from lablet_controller.adapters.cml_labs import HttpCmlLabs
from lablet_controller.adapters.content_store import S3ContentStore
from lablet_controller.adapters.grading import HttpGradingEngine
from lablet_controller.adapters.lds import HttpDeliverySystem
from lablet_controller.caches import DefinitionCache, TopologyCache, WorkerCache
from lablet_controller.settings import LabletSettings, LdsPlace, OutsideSettings
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clock import DomainClock
from lcm_core.controller.settling import Settling
from lcm_core.etcd import EtcdClient, EtcdError
from lcm_core.spi.cml_labs import CmlLabs
from lcm_core.spi.content_store import ContentStore
from lcm_core.spi.errors import OutsideUnavailable
from lcm_core.spi.grading import GradingEngine
from lcm_core.spi.lds import DeliverySystem

POOL_PREFIX = "/lcm-run/pool/"
POOL_CLAIM_SECONDS = 600
"""Long enough for any take-over to end; afterwards the lab's own notes say whose it is."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deployments of the delivery system: those of single regions, and the one of all others, if there is one."""

    default: DeliverySystem | None = None
    by_region: Mapping[str, DeliverySystem] = field(default_factory=dict)

    def of(self, region: str) -> DeliverySystem | None:
        """Whose sessions a region's labs have, None where nothing is delivered."""
        return self.by_region.get(region, self.default)

    @property
    def all(self) -> tuple[DeliverySystem, ...]:
        """Every deployment once."""
        return (*([self.default] if self.default is not None else ()), *self.by_region.values())


@dataclass(frozen=True, slots=True)
class Outside:
    """The remote systems; ``delivery`` and ``grading`` are None where none is configured.

    ``regional`` are the delivery systems of single regions, which are used there instead of ``delivery``.
    """

    cml: CmlLabs
    store: ContentStore
    delivery: DeliverySystem | None
    grading: GradingEngine | None
    regional: Mapping[str, DeliverySystem] = field(default_factory=dict)

    @property
    def deliveries(self) -> Deliveries:
        """Who delivers where."""
        return Deliveries(self.delivery, self.regional)


@dataclass(frozen=True, slots=True)
class Deps:
    """What reconcilers and steps work with."""

    control_plane: ControlPlaneClient
    clock: DomainClock
    outside: Outside
    workers: WorkerCache
    definitions: DefinitionCache
    topologies: TopologyCache
    settings: LabletSettings
    pool_claims: EtcdClient
    settling: Settling
    lds_region: str = ""

    async def claim_lab(self, lab_id: str, session_id: str) -> bool:
        """Take a pooled lab for a session; True also when the session took it before.

        Raises ``OutsideUnavailable`` while etcd is away.
        """
        key, value = f"{POOL_PREFIX}{lab_id}", session_id.encode()
        with _etcd_may_be_away():
            lease = await self.pool_claims.grant_lease(POOL_CLAIM_SECONDS)
            if await self.pool_claims.create(key, value, lease=lease.id) is not None:
                return True
            await self.pool_claims.revoke_lease(lease.id)
            held = await self.pool_claims.get(key)
            return held is not None and held.value == value

    async def release_lab(self, lab_id: str) -> None:
        """Let the next session take the lab. Raises ``OutsideUnavailable`` while etcd is away."""
        with _etcd_may_be_away():
            await self.pool_claims.delete(f"{POOL_PREFIX}{lab_id}")


@contextmanager
def _etcd_may_be_away() -> Iterator[None]:
    """For steps etcd is one more remote system whose calls are tried again."""
    try:
        yield
    except EtcdError as error:
        raise OutsideUnavailable("etcd", str(error)) from error


def connect(settings: OutsideSettings, stack: AsyncExitStack) -> Outside:
    """Real adapters, closed with the stack."""
    cml = HttpCmlLabs(ca_bundle=str(settings.cml_ca_bundle or ""), timeout_seconds=settings.cml_timeout_seconds)
    stack.push_async_callback(cml.close)
    store = S3ContentStore(settings.aws_endpoint, region=settings.s3_region, timeout_seconds=settings.timeout_seconds)
    stack.push_async_callback(store.close)
    grading = None
    if settings.grading_url:
        token = settings.grading_token.get_secret_value()
        grading = HttpGradingEngine(settings.grading_url, token, timeout_seconds=settings.timeout_seconds)
        stack.push_async_callback(grading.close)
    deliveries = _deliveries(settings, stack)
    return Outside(cml, store, deliveries.default, grading, deliveries.by_region)


def _deliveries(settings: OutsideSettings, stack: AsyncExitStack) -> Deliveries:
    def connected(place: LdsPlace) -> HttpDeliverySystem:
        password = place.password.get_secret_value()
        system = HttpDeliverySystem(place.url, place.username, password, timeout_seconds=settings.timeout_seconds)
        stack.push_async_callback(system.close)
        return system

    default = None
    if settings.lds_url:
        default = LdsPlace(url=settings.lds_url, username=settings.lds_username, password=settings.lds_password)
    return Deliveries(
        connected(default) if default else None,
        {region: connected(place) for region, place in settings.lds_regions.items()},
    )
