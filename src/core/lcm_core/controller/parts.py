"""What a service declares to ``ControllerService``, and what it gets to build its parts from.

A service's ``main`` is::

    async def build(context: ServiceContext) -> ServiceParts:
        workers = state_informer(context.etcd, "workers")
        reconciler = WorkerReconciler(workers, context.control_plane, context.clock)
        return ServiceParts([workers], [ControllerSpec("workers", reconciler, [Source(workers)])])

    asyncio.run(ControllerService(ServiceName.WORKER_CONTROLLER, build, default_admin_port=8083).run())
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clock import DomainClock
from lcm_core.controller.controller import ControllerSpec
from lcm_core.controller.informer import Informer
from lcm_core.etcd import EtcdClient
from lcm_core.security.verification import TokenVerifier
from lcm_core.settings import (
    ClockSettings,
    ControlPlaneSettings,
    EtcdSettings,
    IdentitySettings,
    LoggingSettings,
    RuntimeSettings,
    TelemetrySettings,
)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """All settings the runtime itself needs."""

    etcd: EtcdSettings = field(default_factory=EtcdSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    control_plane: ControlPlaneSettings = field(default_factory=ControlPlaneSettings)
    clock: ClockSettings = field(default_factory=ClockSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What a service builds its parts from."""

    settings: ServiceSettings
    etcd: EtcdClient
    control_plane: ControlPlaneClient
    clock: DomainClock
    verifier: TokenVerifier
    exit_stack: AsyncExitStack
    """Push what must be closed at the end (``ApiClient``…)."""


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What makes a service: caches, controllers, and whatever it serves or runs besides.

    ``informers`` run in every replica, so that a standby is warm. ``controllers`` run per shard that this process
    leads. ``background`` runs in every replica from start to stop; an error in it ends the process.
    """

    informers: Sequence[Informer[Any]]
    controllers: Sequence[ControllerSpec]
    routers: Sequence[APIRouter] = ()
    background: Sequence[Callable[[], Awaitable[None]]] = ()


Build = Callable[[ServiceContext], Awaitable[ServiceParts]]
