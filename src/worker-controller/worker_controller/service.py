"""What the worker controller is made of."""

from datetime import timedelta

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clock import DomainClock
from lcm_core.controller import ControllerSpec, Source, state_informer
from lcm_core.controller.parts import ServiceContext, ServiceParts
from lcm_core.controller.settling import Settling
from lcm_core.observability.loop_lag import watch_loop_lag
from worker_controller.adapters.aws import AwsClients
from worker_controller.adapters.cloudwatch import BotoCloudWatch
from worker_controller.adapters.cml_system import HttpCmlSystem
from worker_controller.adapters.ec2 import BotoEc2
from worker_controller.adapters.trust import Trust
from worker_controller.bookings import BookingBook
from worker_controller.concerns import TaskBook
from worker_controller.credentials import Credentials
from worker_controller.discovery import reconciler as discovery_reconciler
from worker_controller.discovery.reconciler import DiscoveryReconciler
from worker_controller.launching import Breaker
from worker_controller.licensing.act import LicenseActor
from worker_controller.lifecycle.act import InstanceActor
from worker_controller.lifecycle.launch import Launcher
from worker_controller.lifecycle.observe import Memory, Observer, Outside
from worker_controller.lifecycle.reconciler import WorkerCache, WorkerReconciler
from worker_controller.metrics import reconciler as metrics_reconciler
from worker_controller.metrics.push import PushListeners
from worker_controller.metrics.reconciler import MetricsReconciler, Sources
from worker_controller.pace import Pacer
from worker_controller.region import RegionObserver
from worker_controller.settings import OutsideSettings, WorkerSettings

WORKERS_AT_ONCE = 32
"""Reconciles that run at once at least: most of their time is spent waiting for somebody's answer."""


async def build(context: ServiceContext) -> ServiceParts:
    """The parts of one process."""
    settings, where = WorkerSettings(), OutsideSettings()
    clients = AwsClients(
        endpoint=where.aws_endpoint, threads=where.aws_threads, timeout_seconds=where.aws_timeout_seconds
    )
    context.exit_stack.callback(clients.close)
    cml = HttpCmlSystem(Trust(where.cml_ca_bundle), timeout_seconds=where.cml_timeout_seconds)
    context.exit_stack.push_async_callback(cml.close)
    ec2 = BotoEc2(clients)
    outside = Outside(
        ec2=ec2,
        regions=RegionObserver(ec2),
        cml=cml,
        bookings=BookingBook(context.control_plane, timedelta(minutes=settings.imminent_minutes)),
        credentials=Credentials(context.control_plane),
        breaker=Breaker(settings.breaker_failures, timedelta(minutes=settings.breaker_minutes)),
        memory=Memory(),
        settling=Settling(settings.license_settling_seconds),
    )
    plane, clock = context.control_plane, context.clock
    informer = state_informer(context.etcd, "workers", resync_seconds=context.settings.runtime.resync_seconds)
    workers, pacer, tasks = WorkerCache(informer, plane), Pacer(clock, settings), TaskBook(plane)
    listeners = PushListeners(cml)
    context.exit_stack.push_async_callback(listeners.close)
    sources = Sources(cml, BotoCloudWatch(clients), outside.credentials, listeners)
    metrics = MetricsReconciler(informer, workers, plane, sources, clock, pacer, settings)
    discovery = DiscoveryReconciler(plane, ec2, tasks, clock, pacer, settings)
    reconciler = worker_reconciler(plane, clock, workers, outside, tasks, pacer, settings)
    at_once = max(WORKERS_AT_ONCE, context.settings.runtime.workers)
    return ServiceParts(
        [informer],
        [
            ControllerSpec("workers", reconciler, [Source(informer)], workers=at_once),
            ControllerSpec("metrics", metrics, [], seeds=(metrics_reconciler.KEY,), workers=1),
            ControllerSpec("discovery", discovery, [], seeds=(discovery_reconciler.KEY,), workers=1),
        ],
        background=[watch_loop_lag],
    )


def worker_reconciler(
    plane: ControlPlaneClient,
    clock: DomainClock,
    workers: WorkerCache,
    outside: Outside,
    tasks: TaskBook,
    pacer: Pacer,
    settings: WorkerSettings,
) -> WorkerReconciler:
    """The reconciler of single workers."""
    return WorkerReconciler(
        workers=workers,
        control_plane=plane,
        outside=outside,
        observer=Observer(outside, clock, pacer),
        launcher=Launcher(plane, outside.ec2, outside.regions, outside.breaker, tasks, clock, settings),
        instances=InstanceActor(outside.ec2, outside.regions, settings),
        licenses=LicenseActor(outside.cml, outside.credentials, outside.memory, settings),
        tasks=tasks,
        clock=clock,
        pacer=pacer,
        settings=settings,
    )
