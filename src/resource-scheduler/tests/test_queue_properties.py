"""Whatever is booked, cancelled, lost or launched, in whatever order and at any time: the promises of the queue."""

from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from platform_stand_in import breach
from simulation import Simulation
from worlds import definition, session, template, worker

from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from lcm_core.placement.amounts import resources_of
from lcm_core.placement.instants import instant
from resource_scheduler.decide.plan import Plan, Waiting

SMALL = Resources(cores=8, memory_mb=16_000, storage_gb=40, nodes=20)
LABS = (
    definition("light", needs=Resources(cores=2, memory_mb=2_000, storage_gb=5, nodes=3), ports=1),
    definition("heavy", needs=Resources(cores=6, memory_mb=9_000, storage_gb=20, nodes=10), ports=2),
    definition("giant", needs=Resources(cores=9, memory_mb=1_000, storage_gb=1, nodes=1), ports=0),
)
BY_NAME = {lab.id: lab for lab in LABS}
LIMIT = 3
FINAL = frozenset({"NoLaunchPossible", "NothingSuitable", "NoTemplate", "LaunchLimit"})
PLACEABLE = frozenset({WorkerPhase.PENDING, WorkerPhase.STARTING, WorkerPhase.RUNNING, WorkerPhase.STOPPED})


class QueueMachine(RuleBasedStateMachine):
    """The simulation checks every write; this machine checks every refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Simulation(LABS, [template("small", capacity=SMALL, limit=LIMIT, boot=5)])
        self.count = 0
        self.plan = Plan()

    @rule(
        lab=st.sampled_from(sorted(BY_NAME)),
        ahead=st.integers(0, 300),
        minutes=st.integers(10, 120),
        owner=st.sampled_from("ab"),
    )
    def book(self, lab: str, ahead: int, minutes: int, owner: str) -> None:
        """A booking."""
        self.count += 1
        start = self.world.now + timedelta(minutes=ahead)
        view = session(
            f"s{self.count}",
            BY_NAME[lab],
            start=start,
            minutes=minutes,
            owner=owner,
            created=self.world.now,  # type: ignore[arg-type]
            deadline=start + timedelta(minutes=10),
        )
        self.world.add(view)

    @rule(lab=st.sampled_from(sorted(BY_NAME)), minutes=st.integers(10, 120), window=st.integers(0, 300))
    def soon(self, lab: str, minutes: int, window: int) -> None:
        """A session that runs as soon as possible."""
        self.count += 1
        now = self.world.now
        latest = now + timedelta(minutes=minutes + window)
        view = session(
            f"s{self.count}",
            BY_NAME[lab],
            start=now,
            minutes=minutes,
            soon=True,
            latest=latest,
            created=now,  # type: ignore[arg-type]
            deadline=latest - timedelta(minutes=minutes),
        )
        self.world.add(view)

    @precondition(lambda self: self.world.sessions)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A session is given back."""
        self.world.cancel(data.draw(st.sampled_from(sorted(self.world.sessions))))

    @precondition(lambda self: any(each.status.phase in PLACEABLE for each in self.world.workers.values()))
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A worker fails."""
        alive = sorted(name for name, each in self.world.workers.items() if each.status.phase in PLACEABLE)
        self.world.lose(data.draw(st.sampled_from(alive)))

    @precondition(lambda self: len(self.world.workers) < 8)
    @rule(phase=st.sampled_from((WorkerPhase.RUNNING, WorkerPhase.STOPPED)))
    def add_worker(self, phase: WorkerPhase) -> None:
        """A worker of another origin joins."""
        made = worker(f"x{len(self.world.workers)}", capacity=SMALL, phase=phase, since=self.world.now)
        self.world.add_worker(made)

    @rule(minutes=st.integers(1, 60))
    def pass_time(self, minutes: int) -> None:
        """The clock moves on."""
        self.world.advance(self.world.now + timedelta(minutes=minutes))

    @rule()
    def decide(self) -> None:
        """One pass; each refusal is tried by hand."""
        self.plan = self.world.decide()
        # What is launched now, or planned for bookings whose launch is not due, takes its part of the limit.
        launched = bool(self.plan.launches) or any(entry.reason == "LaunchPlanned" for entry in self.plan.waiting)
        for entry in self.plan.waiting:
            if entry.reason in FINAL:
                self.check_refusal(entry, launched)

    def check_refusal(self, entry: Waiting, launched: bool) -> None:
        """No worker takes it, no template may make one, and each told reason is true."""
        makeable = entry.demand.rules.key != "giant"
        mine = [each for each in self.world.workers.values() if each.spec.template_id == "t-small"]
        alive = [each for each in mine if each.status.phase not in (WorkerPhase.FAILED, WorkerPhase.TERMINATED)]
        if makeable:
            assert len(alive) >= LIMIT or launched or self.too_late(entry), entry.message
        for each in self.world.workers.values():
            if each.status.phase in PLACEABLE and not (launched and each.status.phase is WorkerPhase.PENDING):
                assert not self.fits(each, entry), f"{each.id} could take it: {entry.message}"
        told = {reason.worker_id for reason in entry.refused}
        assert told <= set(self.world.workers)

    def too_late(self, entry: Waiting) -> bool:
        """A new worker would be ready after the session had to start."""
        demand = entry.demand
        ready = self.world.now + timedelta(minutes=5)
        return ready > instant(demand.end - demand.duration) if demand.soon else ready >= instant(demand.end)

    def fits(self, each: WorkerView, entry: Waiting) -> bool:
        """Whether a claim at the asked time, or at any end of another claim, would pass the control plane's check."""
        demand, now = entry.demand, self.world.now
        boot = timedelta(minutes=each.spec.boot_minutes)
        ready = {
            WorkerPhase.RUNNING: now,
            WorkerPhase.STOPPED: now + boot,
        }.get(each.status.phase, max(now, each.status.phase_since + boot))
        held = list(self.world.claims[each.id].values())
        if demand.soon:
            length = timedelta(microseconds=demand.duration + demand.cleanup)
            latest = instant(demand.end - demand.duration)
            begins = [at for at in [ready, *(claim.end for claim in held)] if ready <= at <= latest]
            tries = [(at, at + length) for at in begins]
        else:
            start = max(now, instant(demand.start - demand.lead))
            tries = [(start, instant(demand.end + demand.cleanup))] if ready < instant(demand.end) else []
        ports = {name: 7000 + number for number, name in enumerate(demand.rules.port_names)}
        for start, end in tries:
            claim = ClaimView(
                claim_id="try",
                worker_id=each.id,
                session_id="try",
                resources=resources_of(demand.wanted),
                ports=ports,
                start=start,
                end=end,
            )
            if not breach([*held, claim], each):
                return True
        return False

    @invariant()
    def nothing_is_oversubscribed(self) -> None:
        """At no instant, on no port, whatever happened."""
        for name, claims in self.world.claims.items():
            assert not breach(claims.values(), self.world.workers[name])

    @invariant()
    def holdings_equal_claims(self) -> None:
        """What the fleet holds is what was claimed, no more and no less."""
        for state in self.world.fleet:
            assert set(state.holdings) == set(self.world.claims[state.facts.worker_id])

    def teardown(self) -> None:
        """In the end no session waits on a lost worker."""
        self.world.settle()
        for each in self.world.sessions.values():
            if each.phase is SessionPhase.SCHEDULED:
                assert self.world.workers[each.worker_id].status.phase in PLACEABLE


TestQueuePromises = QueueMachine.TestCase
TestQueuePromises.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
