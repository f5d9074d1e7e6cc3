"""The scheduler as a controller: one key, the queue, decided as a whole whenever something that matters changes."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from lcm_core.clock import DomainClock
from lcm_core.controller import Change, ChangeKind, ControllerSpec, Outcome, Source, state_informer
from lcm_core.controller.leadership import current_context
from lcm_core.controller.parts import ServiceContext, ServiceParts
from lcm_core.domain.vocabulary import SessionPhase
from lcm_core.etcd import StateSummary
from resource_scheduler.act import Acted, Actor
from resource_scheduler.decide import Plan, World, decide
from resource_scheduler.observe import Observer
from resource_scheduler.settings import SchedulerSettings

QUEUE = "queue"
GATHER_SECONDS = 0.02
"""Real time to wait before a pass, so that changes that come together are decided together."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
"""After refusals the next pass waits, longer each time in a row, unless something changes."""
SHORTEST_WAIT = timedelta(seconds=1)
COLLECTIONS = ("sessions", "workers", "templates", "definitions", "lab-records")
_WAITS = frozenset({SessionPhase.PENDING.value})
_PLACED = frozenset({SessionPhase.SCHEDULED.value, SessionPhase.TERMINATED.value})


class QueueReconciler:
    """Observe, decide, act; see the package's modules of these names."""

    def __init__(self, observer: Observer, actor: Actor, settings: SchedulerSettings, clock: DomainClock) -> None:
        self._observer = observer
        self._actor = actor
        self._settings = settings
        self._clock = clock
        self._term = 0
        self._refusals = 0
        self._loosened = -1
        self._quiet_since: datetime | None = None
        self._consolidated_at: datetime | None = None
        self._stopped_at: list[datetime] = []

    async def reconcile(self, key: str) -> Outcome:
        """One pass over the whole queue. Raises ``ApiError``."""
        del key
        self._notice_new_leadership()
        await asyncio.sleep(GATHER_SECONDS)
        world = await self._observer.observe()
        self._remember_into(world)
        plan = decide(world, self._settings)
        self._loosened = world.fleet.loosened
        acted = await self._actor.act(plan)
        self._remember(world, plan, acted)
        if acted.refused:
            sentence = f"{plan.sentence} {len(acted.refused)} refused, first: {acted.refused[0]}"
            self._refusals += 1
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (self._refusals - 1))
            return Outcome.retry("DecidedOnOldPicture", sentence, after=pause)
        self._refusals = 0
        assert plan.next_at is not None  # every plan looks again at some time
        following = max(plan.next_at, world.now + SHORTEST_WAIT)
        return Outcome.requeue_at(following, "QueueServed", plan.sentence)

    def _remember_into(self, world: World) -> None:
        """Show what earlier passes did."""
        cooldown = timedelta(minutes=self._settings.cooldown_minutes)
        self._stopped_at = [moment for moment in self._stopped_at if moment + cooldown > world.now]
        world.quiet_since = self._quiet_since
        world.stopped_at = self._stopped_at
        world.room_freed = world.fleet.loosened != self._loosened
        world.may_consolidate = self._consolidated_at is None or self._consolidated_at + cooldown <= world.now

    def _remember(self, world: World, plan: Plan, acted: Acted) -> None:
        """Keep what later passes must know; nothing of it is needed for safety, so a new leader may start without."""
        if acted.scaled_up:
            self._quiet_since = world.now
        self._stopped_at += [world.now] * acted.stopped
        if world.may_consolidate and any(order.reason == "Consolidated" for order in plan.returns):
            self._consolidated_at = world.now

    def _notice_new_leadership(self) -> None:
        context = current_context()
        term = context.leadership.term if context else 0
        if term != self._term:
            self._term = term
            self._observer.start_over()


def queue_changed(change: Change[StateSummary]) -> Iterable[str]:
    """The queue's key for changes that can change an answer.

    Progress of sessions that run already does not matter; that a session waits, got or left its place does.
    """
    if change.collection != "sessions" or change.kind is ChangeKind.DELETED:
        return (QUEUE,)
    before = change.old.phase if change.old else None
    after = change.new.phase if change.new else None
    if after in _WAITS or (before != after and after in _PLACED):
        return (QUEUE,)
    return ()


async def build(context: ServiceContext) -> ServiceParts:
    """The scheduler's parts."""
    settings = SchedulerSettings()
    resync = context.settings.runtime.resync_seconds
    informers = {name: state_informer(context.etcd, name, resync_seconds=resync) for name in COLLECTIONS}
    observer = Observer(context.control_plane, context.clock, informers, settings.strategy)
    actor = Actor(context.control_plane, observer, context.clock)
    reconciler = QueueReconciler(observer, actor, settings, context.clock)
    sources = [Source(informer, queue_changed) for name, informer in informers.items() if name != "lab-records"]
    spec = ControllerSpec(
        "queue",
        reconciler,
        sources,
        seeds=(QUEUE,),
        workers=1,
        reconcile_timeout=120.0,
        # The observer knows the answers to its own writes already; a projection that lags must not hold the queue up.
        barrier_timeout=0.1,
    )
    return ServiceParts(list(informers.values()), [spec])
