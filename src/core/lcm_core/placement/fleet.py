"""The fleet as placement sees it: facts and holdings of every worker, in order of preference.

The order is fixed between changes of the fleet and sessions take the first worker that fits. First fit in a stable
order is deliberate: it keeps the workers at the end of the order empty at all times, so that they can be switched off,
where "the fullest that fits" leaves every worker with one long session.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement.amounts import largest_share, unpack
from lcm_core.placement.filters import refusal
from lcm_core.placement.model import Demand, Placed, Refused, WorkerFacts
from lcm_core.placement.timeline import Timeline

KINDS_REMEMBERED = 512
ANSWERS_REMEMBERED = 64


class Strategy(StrEnum):
    """How sessions are spread over workers."""

    PACK = "pack"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one claim holds on a worker."""

    claim_id: str
    session_id: str
    start: int
    end: int
    amounts: int
    ports: int


@dataclass(slots=True, eq=False)
class WorkerState:
    """A worker's facts, its holdings and what was found out about them."""

    facts: WorkerFacts
    timeline: Timeline = field(default_factory=Timeline)
    holdings: dict[str, Holding] = field(default_factory=dict)
    warm: frozenset[str] = frozenset()
    """Definitions of which a wiped lab waits on this worker."""
    remembered: dict[tuple[object, ...], int | None] = field(default_factory=dict)
    remembered_revision: int = -1

    def answers(self) -> dict[tuple[object, ...], int | None]:
        """Earliest starts found since the last change of the holdings."""
        if self.remembered_revision != self.timeline.revision or len(self.remembered) > ANSWERS_REMEMBERED:
            self.remembered.clear()
            self.remembered_revision = self.timeline.revision
        return self.remembered


_TIERS = {
    WorkerPhase.RUNNING: 0,
    WorkerPhase.STARTING: 1,
    WorkerPhase.PROVISIONING: 1,
    WorkerPhase.PENDING: 1,
    WorkerPhase.STOPPED: 2,
}


class Fleet:
    """All workers. Not thread-safe; one decision pass owns it."""

    def __init__(self, workers: Iterable[WorkerFacts] = (), strategy: Strategy = Strategy.PACK) -> None:
        self._states: dict[str, WorkerState] = {}
        self._ranked: list[WorkerState] | None = None
        self._kinds: dict[tuple[str, int], tuple[list[WorkerState], list[Refused]]] = {}
        self._strategy = strategy
        self.loosened = 0
        """Counts changes after which something may fit that did not before."""
        for facts in workers:
            self.put(facts)

    def __iter__(self) -> Iterator[WorkerState]:
        return iter(self._states.values())

    def __len__(self) -> int:
        return len(self._states)

    def get(self, worker_id: str) -> WorkerState | None:
        """One worker."""
        return self._states.get(worker_id)

    def put(self, facts: WorkerFacts, warm: frozenset[str] = frozenset()) -> WorkerState:
        """Add a worker or replace its facts; its holdings stay."""
        state = self._states.get(facts.worker_id)
        if state is None:
            state = self._states[facts.worker_id] = WorkerState(facts, warm=warm)
        elif state.facts == facts and state.warm == warm:
            return state
        else:
            state.facts, state.warm = facts, warm
            state.remembered.clear()
        self.loosened += 1
        self._forget_order()
        return state

    def drop(self, worker_id: str) -> None:
        """Forget a worker and its holdings."""
        if self._states.pop(worker_id, None) is not None:
            self._forget_order()

    def hold(self, worker_id: str, holding: Holding) -> None:
        """Put a claim on a worker, replacing an earlier shape of the same claim."""
        state = self._states[worker_id]
        known = state.holdings.get(holding.claim_id)
        if known == holding:
            return
        if known is not None:
            self.release(worker_id, holding.claim_id)
        if not state.holdings:
            self._ranked = None
        state.holdings[holding.claim_id] = holding
        state.timeline.hold(holding.start, holding.end, holding.amounts, holding.ports)

    def release(self, worker_id: str, claim_id: str) -> None:
        """Take a claim off a worker."""
        state = self._states.get(worker_id)
        holding = state.holdings.pop(claim_id, None) if state else None
        if state is None or holding is None:
            return
        state.timeline.free(holding.start, holding.end, holding.amounts, holding.ports)
        self.loosened += 1
        if not state.holdings:
            self._ranked = None

    @contextmanager
    def without(self, worker_id: str, holding: Holding) -> Iterator[None]:
        """As if a claim were not there, inside the block."""
        timeline = self._states[worker_id].timeline
        timeline.free(holding.start, holding.end, holding.amounts, holding.ports)
        try:
            yield
        finally:
            timeline.hold(holding.start, holding.end, holding.amounts, holding.ports)

    def hold_place(self, placed: Placed, claim_id: str) -> None:
        """Hold what a decision found."""
        demand = placed.demand
        holding = Holding(
            claim_id, demand.session_id, placed.held_from, placed.held_until, demand.wanted, placed.port_bits
        )
        self.hold(placed.facts.worker_id, holding)

    def candidates(self, demand: Demand) -> tuple[list[WorkerState], list[Refused]]:
        """Workers that can take the kind at all, in order of preference, and why the others cannot."""
        if self._ranked is None or self._strategy is Strategy.SPREAD:
            self._ranked = sorted(self._states.values(), key=self._rank)
            self._kinds = {
                kind: (self._in_order(states, kind[0]), refused) for kind, (states, refused) in self._kinds.items()
            }
        found = self._kinds.get(demand.kind)
        if found is None:
            found = self._judge(demand)
            if len(self._kinds) >= KINDS_REMEMBERED:
                self._kinds.clear()
            self._kinds[demand.kind] = found
        return found

    def _judge(self, demand: Demand) -> tuple[list[WorkerState], list[Refused]]:
        accepted: list[WorkerState] = []
        refused: list[Refused] = []
        for state in self._ranked or ():
            reason = refusal(state.facts, demand)
            if reason is None:
                accepted.append(state)
            else:
                refused.append(reason)
        return _warm_first(accepted, demand.rules.key), refused

    def _in_order(self, states: list[WorkerState], definition: str) -> list[WorkerState]:
        chosen = {id(state) for state in states}
        return _warm_first([state for state in self._ranked or () if id(state) in chosen], definition)

    def _rank(self, state: WorkerState) -> tuple[float | int | str, ...]:
        """Awake before on the way before asleep, used before empty, cheap before dear, old before new."""
        facts = state.facts
        tier = _TIERS[WorkerPhase.STOPPED] if facts.asleep else _TIERS.get(facts.phase, 3)
        if self._strategy is Strategy.SPREAD:
            load = sum(
                largest_share(holding.amounts, facts.capacity) * (holding.end - holding.start)
                for holding in state.holdings.values()
            )
            return (tier, load, facts.created, facts.worker_id)
        cores = unpack(facts.capacity)[0] or 1
        return (tier, 0 if state.holdings else 1, facts.hourly_cost / cores, facts.created, facts.worker_id)

    def _forget_order(self) -> None:
        self._ranked = None
        self._kinds.clear()


def _warm_first(states: list[WorkerState], definition: str) -> list[WorkerState]:
    """Running workers that keep a wiped lab of the definition go first: the session is ready in seconds there."""
    warm = [state for state in states if definition in state.warm and state.facts.phase is WorkerPhase.RUNNING]
    return [*warm, *(state for state in states if state not in warm)] if warm else states
