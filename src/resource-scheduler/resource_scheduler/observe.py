"""Observing: caches of the details behind the informers' summaries, read again only where something changed."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import NotFound
from lcm_core.clock import DomainClock
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.controller import Change, ChangeKind, Informer
from lcm_core.domain.vocabulary import LabPhase, SessionPhase, WorkerPhase
from lcm_core.etcd import StateSummary
from lcm_core.placement import ClaimBook, Demand, Fleet, Rules, Strategy, demand_of, rules_of, worker_facts
from lcm_core.placement.instants import micros
from resource_scheduler.decide.world import ScheduledSession, World

READ_ONE_BY_ONE = 8
"""Up to so many changed objects are read singly; more are read as lists, which is one request per 200."""
READS_AT_ONCE = 8
KEPT_BEHIND = timedelta(hours=1)
_WARM = ",".join((LabPhase.DEFINED, LabPhase.STOPPED, LabPhase.WIPED))


class Viewed(Protocol):
    """What every aggregate's view has."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def version(self) -> int:
        """Its version."""


ViewT = TypeVar("ViewT", bound=Viewed)


class ViewCache(Generic[ViewT]):
    """Details of one kind of object, as new as the informer's summaries.

    Args:
        informer: says which objects exist and which versions they have.
        read_one: one object; ``NotFound`` drops it.
        read_all: every object.
    """

    def __init__(
        self,
        informer: Informer[StateSummary],
        read_one: Callable[[str], Awaitable[ViewT]],
        read_all: Callable[[], AsyncIterator[ViewT]],
    ) -> None:
        self._informer = informer
        self._read_one = read_one
        self._read_all = read_all
        self.views: dict[str, ViewT] = {}

    async def refresh(self) -> None:
        """Read what changed, forget what is gone."""
        for gone in self.views.keys() - self._informer.items.keys():
            del self.views[gone]
        stale = [name for name in self._informer.items if self._is_stale(name)]
        if len(stale) > READ_ONE_BY_ONE:
            await self.read_everything()
        else:
            await asyncio.gather(*(self._read(name) for name in stale))

    async def read_everything(self) -> None:
        """Read all objects from the control plane, also those whose summaries have not arrived yet."""
        async for view in self._read_all():
            self.take(view)

    async def reread(self, name: str) -> None:
        """Read one object again after a write of our own, ahead of its summary."""
        await self._read(name)

    def take(self, view: ViewT) -> None:
        """Keep a view unless a newer one is known."""
        known = self.views.get(view.id)
        if known is None or view.version >= known.version:
            self.views[view.id] = view

    async def _read(self, name: str) -> None:
        try:
            self.take(await self._read_one(name))
        except NotFound:
            self.views.pop(name, None)

    def _is_stale(self, name: str) -> bool:
        known = self.views.get(name)
        return known is None or known.version < self._informer.version(name)


@dataclass(slots=True)
class KnownSession:
    """A session's details and where it stands now, which may be newer than the details."""

    view: SessionView
    phase: SessionPhase
    version: int


class SessionCache:
    """Live sessions. Progress reports of running ones do not cost a read: what matters here is asked, not observed."""

    def __init__(self, informer: Informer[StateSummary], control_plane: ControlPlaneClient) -> None:
        self._informer = informer
        self._control_plane = control_plane
        self.known: dict[str, KnownSession] = {}

    async def refresh(self) -> None:
        """Read waiting sessions that are new or were changed, and once each session that was already placed."""
        for gone in self.known.keys() - self._informer.items.keys():
            del self.known[gone]
        stale = [name for name, summary in self._informer.items.items() if self._is_stale(name, summary)]
        if len(stale) <= READ_ONE_BY_ONE:
            await asyncio.gather(*(self._read(name) for name in stale))
            return
        phases = {self._informer.items[name].phase for name in stale}
        async for view in self._control_plane.sessions(phase=",".join(sorted(phases))):
            self._take(view)

    def moved(self, session_id: str, phase: SessionPhase, version: int) -> None:
        """A write of our own was answered."""
        known = self.known.get(session_id)
        if known is not None and version >= known.version:
            known.phase, known.version = phase, version

    def summary(self, session_id: str) -> StateSummary | None:
        """What etcd shows of a session."""
        return self._informer.get(session_id)

    async def read(self, session_id: str) -> None:
        """Read one session again, after a write that moved it or was refused."""
        await self._read(session_id)

    async def _read(self, name: str) -> None:
        try:
            self._take(await self._control_plane.session(name))
        except NotFound:
            self.known.pop(name, None)

    def _take(self, view: SessionView) -> None:
        known = self.known.get(view.id)
        if known is None or view.version >= known.version:
            self.known[view.id] = KnownSession(view, view.status.phase, view.version)

    def _is_stale(self, name: str, summary: StateSummary) -> bool:
        """Whether details are missing; brings phase and version up to the summary on the way."""
        if summary.phase == SessionPhase.TERMINATED:
            self.known.pop(name, None)
            return False
        known = self.known.get(name)
        if known is None:
            return True
        if summary.version <= known.version:
            return False
        phase = SessionPhase(summary.phase)
        stale = phase is SessionPhase.PENDING and (
            known.phase is not SessionPhase.PENDING or summary.generation != known.view.generation
        )
        known.phase, known.version = phase, summary.version
        return stale


class Observer:
    """Keeps the picture of the world and hands it to each decision."""

    def __init__(
        self,
        control_plane: ControlPlaneClient,
        clock: DomainClock,
        informers: Mapping[str, Informer[StateSummary]],
        strategy: Strategy,
    ) -> None:
        self._control_plane = control_plane
        self._clock = clock
        self.sessions = SessionCache(informers["sessions"], control_plane)
        self.workers = ViewCache[WorkerView](informers["workers"], control_plane.worker, control_plane.workers)
        self.templates = ViewCache[TemplateView](
            informers["templates"], control_plane.template, control_plane.templates
        )
        self._definitions_informer = informers["definitions"]
        self._definitions: dict[str, tuple[tuple[int, str], DefinitionView, Rules]] = {}
        self.fleet = Fleet(strategy=strategy)
        self.claims = ClaimBook()
        self._cursor = ""
        self._labs_informer = informers["lab-records"]
        self._labs_seen = -1
        self._labs_changes = 0
        self._labs_informer.subscribe(self._lab_changed)
        self._warm: dict[str, frozenset[str]] = {}
        self._demands: dict[str, tuple[SessionView, Rules, Demand]] = {}
        self.last_busy: dict[str, datetime] = {}

    async def observe(self) -> World:
        """Bring everything up to date and show it."""
        await asyncio.gather(
            self.sessions.refresh(), self.workers.refresh(), self.templates.refresh(), self._read_warm_labs()
        )
        await self._read_definitions()
        now = self._clock.now()
        self._update_fleet(now)
        await self._follow_claims()
        self._note_busy(now)
        return self._world(now)

    def start_over(self) -> None:
        """Forget the claims: a new leader must not trust what it followed as a standby."""
        self.claims = ClaimBook()
        self._cursor = ""
        for state in list(self.fleet):
            self.fleet.drop(state.facts.worker_id)

    def _lab_changed(self, change: Change[StateSummary]) -> None:
        if change.kind is not ChangeKind.RESYNC:
            self._labs_changes += 1

    async def _read_warm_labs(self) -> None:
        """Which definitions have a lab waiting, and where."""
        seen = self._labs_changes
        if seen == self._labs_seen:
            return
        found: dict[str, set[str]] = defaultdict(set)
        async for lab in self._control_plane.lab_records(phase=_WARM):
            if lab.spec.definition_id and not lab.spec.session_id:
                found[lab.spec.worker_id].add(lab.spec.definition_id)
        self._warm = {worker_id: frozenset(definitions) for worker_id, definitions in found.items()}
        self._labs_seen = seen

    async def _read_definitions(self) -> None:
        wanted = {
            known.view.spec.definition_id
            for known in self.sessions.known.values()
            if known.phase in (SessionPhase.PENDING, SessionPhase.SCHEDULED)
        }
        stale = [name for name in wanted if self._freshness(name) != self._definitions.get(name, (None,))[0]]
        gate = asyncio.Semaphore(READS_AT_ONCE)

        async def read(name: str) -> None:
            freshness = self._freshness(name)
            async with gate:
                try:
                    view = await self._control_plane.definition(name)
                except NotFound:
                    return
            self._definitions[name] = (freshness, view, rules_of(view))

        await asyncio.gather(*(read(name) for name in stale))
        for name in self._definitions.keys() - wanted:
            del self._definitions[name]

    def _freshness(self, name: str) -> tuple[int, str]:
        summary = self._definitions_informer.get(name)
        return (summary.generation, summary.phase) if summary else (0, "")

    def _update_fleet(self, now: datetime) -> None:
        alive = {
            name: view for name, view in self.workers.views.items() if view.status.phase is not WorkerPhase.TERMINATED
        }
        for state in list(self.fleet):
            if state.facts.worker_id not in alive:
                self.fleet.drop(state.facts.worker_id)
        for name, view in alive.items():
            is_new = self.fleet.get(name) is None
            self.fleet.put(worker_facts(view), self._warm.get(name, frozenset()))
            if is_new:
                self.claims.put_on(name, self.fleet)
                if view.status.idle_since is None:
                    # Nobody remembers when it was last used: its idle time counts from now.
                    self.last_busy.setdefault(name, now)
        past = now - KEPT_BEHIND
        self.claims.forget_before(past)
        for state in self.fleet:
            state.timeline.forget(micros(past))

    async def _follow_claims(self) -> None:
        """Read changed claim days until a page tells nothing new."""
        while True:
            changes = await self._control_plane.claim_changes(self._cursor)
            news = [self.claims.apply(day, self.fleet) for day in changes.items]
            self._cursor = changes.cursor
            if not any(news):
                return

    def _note_busy(self, now: datetime) -> None:
        moment = micros(now)
        for state in self.fleet:
            if state.timeline.busy(moment, moment + 1):
                self.last_busy[state.facts.worker_id] = now
        for gone in self.last_busy.keys() - self.workers.views.keys():
            del self.last_busy[gone]

    def _world(self, now: datetime) -> World:
        waiting: list[Demand] = []
        scheduled: list[ScheduledSession] = []
        held: Counter[str] = Counter()
        attempts: dict[str, int] = {}
        for name, known in self.sessions.known.items():
            if known.phase is SessionPhase.PENDING:
                demand = self._demand(known.view)
                attempts[name] = known.view.status.placements_tried
                if demand is not None:
                    waiting.append(demand)
                continue
            held[known.view.spec.owner] += 1
            if known.phase is SessionPhase.SCHEDULED:
                worker_id = self._worker_of(name, known)
                if worker_id:
                    scheduled.append(ScheduledSession(name, worker_id, self._demand(known.view)))
        for gone in self._demands.keys() - self.sessions.known.keys():
            del self._demands[gone]
        return World(
            now=now,
            fleet=self.fleet,
            waiting=waiting,
            scheduled=scheduled,
            workers=self.workers.views,
            templates=list(self.templates.views.values()),
            places_held=held,
            attempts=attempts,
            last_busy=self.last_busy,
        )

    def _demand(self, view: SessionView) -> Demand | None:
        """What a session asks for; None while its definition cannot be read."""
        entry = self._definitions.get(view.spec.definition_id)
        if entry is None:
            return None
        rules = entry[2]
        known = self._demands.get(view.id)
        if known is not None and known[0] is view and known[1] is rules:
            return known[2]
        demand = demand_of(view, rules)
        self._demands[view.id] = (view, rules, demand)
        return demand

    def _worker_of(self, name: str, known: KnownSession) -> str:
        summary = self.sessions.summary(name)
        if summary is not None and summary.version >= known.view.version:
            return summary.refs.get("worker", "")
        return known.view.status.placement.worker_id if known.view.status.placement else ""
