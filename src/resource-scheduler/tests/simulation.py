"""A world in virtual time around the pure decision: workers boot and stop, sessions run and end, claims are checked.

It applies each plan as the control plane would, and fails at once where a plan would harm somebody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platform_stand_in import breach
from worlds import NOW, planned_worker

from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import ScaleUpNeed, TemplateView, WorkerView
from lcm_core.domain.vocabulary import SessionPhase, WorkerDesired, WorkerPhase
from lcm_core.placement import Fleet, demand_of, holding_of, rules_of, worker_facts
from lcm_core.placement.amounts import resources_of
from lcm_core.placement.instants import instant
from resource_scheduler.decide import Plan, World, decide
from resource_scheduler.decide.plan import LaunchOrder, Placement, WorkerOrder
from resource_scheduler.decide.world import ScheduledSession
from resource_scheduler.settings import SchedulerSettings

IMMINENT = timedelta(minutes=30)
_ENDED = (WorkerPhase.TERMINATED, WorkerPhase.FAILED)


@dataclass
class SimulatedSession:
    """A session and where it stands."""

    view: SessionView
    phase: SessionPhase = SessionPhase.PENDING
    worker_id: str = ""
    claim_id: str = ""
    ready_at: datetime | None = None
    attempts: int = 0


@dataclass
class Simulation:
    """The whole world; ``log`` holds one line per event of the fleet."""

    definitions: Sequence[DefinitionView]
    templates: Sequence[TemplateView] = ()
    settings: SchedulerSettings = field(default_factory=SchedulerSettings)
    now: datetime = NOW
    sessions: dict[str, SimulatedSession] = field(default_factory=dict)
    workers: dict[str, WorkerView] = field(default_factory=dict)
    claims: dict[str, dict[str, ClaimView]] = field(default_factory=dict)
    fleet: Fleet = field(default_factory=Fleet)
    needs: set[str] = field(default_factory=set)
    last_busy: dict[str, datetime] = field(default_factory=dict)
    quiet_since: datetime | None = None
    loosened: int = -1
    log: list[str] = field(default_factory=list)

    # Events ----------------------------------------------------------------------------------------------------

    def add(self, view: SessionView) -> None:
        """A session is reserved."""
        self.sessions[view.id] = SimulatedSession(view)

    def add_worker(self, view: WorkerView) -> None:
        """A worker appears."""
        self.workers[view.id] = view
        self.claims.setdefault(view.id, {})

    def cancel(self, session_id: str) -> None:
        """A session ends before its time."""
        session = self.sessions.pop(session_id)
        self._release(session)

    def lose(self, worker_id: str) -> None:
        """A worker fails; what runs on it is lost, what is booked on it must move."""
        self._set_phase(worker_id, WorkerPhase.FAILED)
        for name, session in list(self.sessions.items()):
            if session.worker_id == worker_id and session.phase is SessionPhase.READY:
                self.cancel(name)

    def advance(self, to: datetime) -> None:
        """Time passes: machines boot and stop, sessions begin and end."""
        self.now = to
        for worker in list(self.workers.values()):
            self._machine(worker)
        for name, session in list(self.sessions.items()):
            self._run(name, session)

    def _machine(self, worker: WorkerView) -> None:
        boot = timedelta(minutes=worker.spec.boot_minutes)
        phase, since = worker.status.phase, worker.status.phase_since
        if phase in (WorkerPhase.PENDING, WorkerPhase.STARTING) and since + boot <= self.now:
            self._set_phase(worker.id, WorkerPhase.RUNNING, since + boot)
        elif phase is WorkerPhase.STOPPED and worker.spec.desired is WorkerDesired.RUNNING:
            self._set_phase(worker.id, WorkerPhase.STARTING)
        elif phase is WorkerPhase.RUNNING and worker.spec.desired is WorkerDesired.STOPPED:
            self._set_phase(worker.id, WorkerPhase.STOPPED)
        elif worker.spec.desired is WorkerDesired.TERMINATED and phase is not WorkerPhase.TERMINATED:
            self._set_phase(worker.id, WorkerPhase.TERMINATED)

    def _run(self, name: str, session: SimulatedSession) -> None:
        if session.phase is SessionPhase.PENDING:
            return
        claim = self.claims[session.worker_id].get(session.claim_id)
        assert claim is not None, f"{name} lost its claim"
        if claim.end <= self.now:
            self.cancel(name)
            return
        running = self.workers[session.worker_id].status.phase is WorkerPhase.RUNNING
        if session.phase is SessionPhase.SCHEDULED and claim.start <= self.now and running:
            begun = max(claim.start, self.workers[session.worker_id].status.phase_since)
            session.phase = SessionPhase.READY
            session.ready_at = begun + timedelta(minutes=session.view.spec.boot_lead_minutes)

    def _set_phase(self, worker_id: str, phase: WorkerPhase, since: datetime | None = None) -> None:
        worker = self.workers[worker_id]
        status = worker.status.model_copy(
            update={"phase": phase, "phase_since": since or self.now, "schedulable": phase is WorkerPhase.RUNNING}
        )
        self.workers[worker_id] = worker.model_copy(update={"status": status})
        self.log.append(f"{self.now:%H:%M} {worker.spec.name} is {phase}")

    # Decisions -------------------------------------------------------------------------------------------------

    def decide(self) -> Plan:
        """One pass, applied."""
        plan = decide(self._world(), self.settings)
        self.loosened = self.fleet.loosened
        for worker_id, claim_id in plan.kept:
            self.fleet.release(worker_id, claim_id)
        for order in plan.returns:
            session = self.sessions[order.session_id]
            assert session.phase is SessionPhase.SCHEDULED
            self._release(session)
            session.phase, session.worker_id = SessionPhase.PENDING, ""
        for expired in plan.expired:
            del self.sessions[expired.session_id]
        for placement in plan.placements:
            self._place(placement)
        for launch in plan.launches:
            self._launch(launch)
        for wish in [*plan.wakes, *plan.stops]:
            self._wish(wish)
        return plan

    def settle(self, passes: int = 6) -> Plan:
        """Decide until nothing changes."""
        for _ in range(passes):
            plan = self.decide()
            if not (plan.placements or plan.launches or plan.returns):
                break
        return plan

    def _world(self) -> World:
        for name, worker in self.workers.items():
            if worker.status.phase is WorkerPhase.TERMINATED:
                self.fleet.drop(name)
            else:
                self.fleet.put(worker_facts(worker))
            if any(claim.start <= self.now < claim.end for claim in self.claims[name].values()):
                self.last_busy[name] = self.now
        rules = {each.id: rules_of(each) for each in self.definitions}
        demands = {
            name: demand_of(each.view, rules[each.view.spec.definition_id]) for name, each in self.sessions.items()
        }
        return World(
            now=self.now,
            fleet=self.fleet,
            waiting=[demands[n] for n, each in self.sessions.items() if each.phase is SessionPhase.PENDING],
            scheduled=[
                ScheduledSession(name, each.worker_id, demands[name])
                for name, each in self.sessions.items()
                if each.phase is SessionPhase.SCHEDULED
            ],
            workers=self.workers,
            templates=self.templates,
            attempts={name: each.attempts for name, each in self.sessions.items()},
            last_busy=self.last_busy,
            quiet_since=self.quiet_since,
            room_freed=self.fleet.loosened != self.loosened,
            may_consolidate=True,
        )

    def _place(self, placement: Placement) -> None:
        placed = placement.placed
        session, worker = self.sessions[placed.demand.session_id], self.workers[placed.facts.worker_id]
        assert session.phase is SessionPhase.PENDING
        assert worker.status.phase not in _ENDED
        claim = ClaimView(
            claim_id=placement.claim_id,
            worker_id=worker.id,
            session_id=session.view.id,
            resources=resources_of(placed.demand.wanted),
            ports=placed.ports,
            start=instant(placed.held_from),
            end=instant(placed.held_until),
        )
        assert claim.claim_id not in self.claims[worker.id]
        self.claims[worker.id][claim.claim_id] = claim
        fault = breach(self.claims[worker.id].values(), worker)
        assert not fault, f"{worker.id}: {fault}"
        self.fleet.hold(worker.id, holding_of(claim))
        session.phase, session.worker_id, session.claim_id = SessionPhase.SCHEDULED, worker.id, claim.claim_id
        session.attempts += 1

    def _release(self, session: SimulatedSession) -> None:
        if session.worker_id:
            self.claims[session.worker_id].pop(session.claim_id)
            self.fleet.release(session.worker_id, session.claim_id)

    def _launch(self, order: LaunchOrder) -> None:
        template = next(each for each in self.templates if each.id == order.template_id)
        assert order.need_id not in self.needs, "a need was asked for twice"
        self.needs.add(order.need_id)
        worker_id = f"w-{len(self.needs)}"
        need = ScaleUpNeed(
            need_id=order.need_id,
            template_id=order.template_id,
            region=order.region,
            reason=order.reason,
            message=order.message,
        )
        self.add_worker(planned_worker(worker_id, template, need, self.now))
        self.quiet_since = self.now
        alive = [
            each
            for each in self.workers.values()
            if each.spec.template_id == template.id
            and each.spec.region == order.region
            and each.status.phase not in _ENDED
        ]
        assert len(alive) <= template.spec.max_workers_per_region, "more workers than the limit"
        self.log.append(f"{self.now:%H:%M} launch {worker_id}: {order.message}")

    def _wish(self, order: WorkerOrder) -> None:
        worker = self.workers[order.worker_id]
        if order.desired is not WorkerDesired.RUNNING:
            soon = self.now + IMMINENT
            harmed = [each for each in self.claims[worker.id].values() if each.start < soon and each.end > self.now]
            assert not harmed, f"{worker.id} would be switched off under {harmed[0].session_id}"
        else:
            self.quiet_since = self.now
        spec = worker.spec.model_copy(update={"desired": order.desired})
        self.workers[worker.id] = worker.model_copy(update={"spec": spec})
        self.log.append(f"{self.now:%H:%M} {order.desired} {worker.id}: {order.message}")
