"""The lablet controller's parts: what it watches, what it reconciles, what it serves."""

from collections.abc import Callable, Iterable

from lablet_controller.caches import DefinitionCache, TopologyCache, WorkerCache
from lablet_controller.content.sync import ContentReconciler
from lablet_controller.events.access import EventAccess
from lablet_controller.events.intake import Intake, SourceRates
from lablet_controller.events.router import events_router
from lablet_controller.labs.actions import LabActionReconciler
from lablet_controller.labs.reconciler import WorkerLabsReconciler
from lablet_controller.outside import Deps, connect
from lablet_controller.sessions.reconciler import SessionReconciler
from lablet_controller.settings import EventsSettings, LabletSettings, OutsideSettings
from lcm_core.controller import Backoff, Change, ControllerSpec, Informer, Source, own_key, state_informer
from lcm_core.controller.parts import ServiceContext, ServiceParts
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import DefinitionPhase, LabPhase, SessionPhase, WorkerPhase
from lcm_core.etcd import StateSummary

COLLECTIONS = ("sessions", "workers", "definitions", "lab-records")
_WAITING_DEFINITIONS = frozenset({DefinitionPhase.PENDING_SYNC.value})
_OVER = frozenset({SessionPhase.TERMINATED.value, SessionPhase.PENDING.value})


def live_session(change: Change[StateSummary]) -> Iterable[str]:
    """Sessions, except finished ones that merely show up in a resync."""
    summary = change.new
    if summary is not None and change.old is not None and summary is change.old and summary.phase in _OVER:
        return ()
    return (change.object_id,)


def sessions_of_worker(sessions: Informer[StateSummary]) -> Callable[[Change[StateSummary]], Iterable[str]]:
    """Sessions placed on a worker, when the worker's phase changed."""

    def keys(change: Change[StateSummary]) -> Iterable[str]:
        before = change.old.phase if change.old else None
        after = change.new.phase if change.new else None
        if before == after:
            return ()
        return [
            session_id
            for session_id, summary in sessions.items.items()
            if summary.refs.get("worker") == change.object_id and summary.phase not in _OVER
        ]

    return keys


def waiting_definition(change: Change[StateSummary]) -> Iterable[str]:
    """Definitions whose content waits for a verdict, or whose bucket is to be looked at."""
    summary = change.new
    waits = summary is not None and (summary.phase in _WAITING_DEFINITIONS or bool(summary.desired))
    return (change.object_id,) if waits else ()


def asked_lab(change: Change[StateSummary]) -> Iterable[str]:
    """Lab records of which somebody asked something."""
    summary = change.new
    asked = summary is not None and bool(summary.desired) and summary.phase != LabPhase.DELETED.value
    return (change.object_id,) if asked else ()


def present_worker(change: Change[StateSummary]) -> Iterable[str]:
    """Workers that exist."""
    gone = change.new is None or change.new.phase == WorkerPhase.TERMINATED.value
    return () if gone else own_key(change)


async def build(context: ServiceContext) -> ServiceParts:
    """Build everything from the environment's settings."""
    settings, events = LabletSettings(), EventsSettings()
    outside_settings = OutsideSettings()
    outside = connect(outside_settings, context.exit_stack)
    resync = context.settings.runtime.resync_seconds
    informers = {name: state_informer(context.etcd, name, resync_seconds=resync) for name in COLLECTIONS}
    deps = Deps(
        control_plane=context.control_plane,
        clock=context.clock,
        outside=outside,
        workers=WorkerCache(context.control_plane, informers["workers"].version),
        definitions=DefinitionCache(context.control_plane),
        topologies=TopologyCache(outside.store),
        settings=settings,
        pool_claims=context.etcd,
        settling=Settling(settings.settling_seconds),
        lds_region=outside_settings.lds_region,
    )
    intake = Intake(context.control_plane.store_inbound)
    access = EventAccess(events.secret.get_secret_value(), events.window_seconds, context.verifier)
    router = events_router(access, intake, SourceRates(events.rate_per_source), events.body_bytes)
    return ServiceParts(list(informers.values()), _controllers(deps, informers), [router], [intake.run])


def _controllers(deps: Deps, informers: dict[str, Informer[StateSummary]]) -> list[ControllerSpec]:
    sessions, workers = informers["sessions"], informers["workers"]
    definitions, records = informers["definitions"], informers["lab-records"]
    backoff = Backoff(first=0.25, longest=10.0)
    placed = [Source(sessions, live_session), Source(workers, sessions_of_worker(sessions))]
    many = deps.settings.workers
    return [
        ControllerSpec("sessions", SessionReconciler(deps), placed, workers=many, backoff=backoff),
        ControllerSpec(
            "content", ContentReconciler(deps), [Source(definitions, waiting_definition)], workers=2, backoff=backoff
        ),
        ControllerSpec(
            "worker-labs", WorkerLabsReconciler(deps), [Source(workers, present_worker)], workers=4, backoff=backoff
        ),
        ControllerSpec("lab-actions", LabActionReconciler(deps), [Source(records, asked_lab)], backoff=backoff),
    ]
