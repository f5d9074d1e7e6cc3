"""Placement against the brute-force model, over any sequence of bookings, cancellations, losses and clock steps."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from placement_model import ModelWorker, facts, model_claim, rules

from lcm_core.contracts.common import Resources
from lcm_core.placement import Demand, Fleet, Placed, find_place, refusals
from lcm_core.placement.amounts import pack
from lcm_core.placement.instants import MINUTE

MINUTES = st.integers(0, 240).map(lambda value: value * MINUTE)
AMOUNTS = st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 20), st.integers(0, 9))
CAPACITIES = st.tuples(st.integers(2, 8), st.integers(20, 60), st.integers(10, 30), st.integers(5, 12))


class PlacementMachine(RuleBasedStateMachine):
    """The fleet and its model take the same steps; after each one they must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        self.model: dict[str, ModelWorker] = {}
        self.now = 0
        self.count = 0

    @initialize(capacities=st.lists(CAPACITIES, min_size=1, max_size=3))
    def start(self, capacities: list[tuple[int, int, int, int]]) -> None:
        """A first fleet."""
        for capacity in capacities:
            self.add_worker(capacity, 0, False)

    @rule(capacity=CAPACITIES, boot=st.integers(0, 30), asleep=st.booleans())
    def add_worker(self, capacity: tuple[int, int, int, int], boot: int, asleep: bool) -> None:
        """A running, starting or stopped worker appears."""
        if len(self.model) >= 5:
            return
        self.count += 1
        ready_at = 0 if asleep or not boot else self.now + boot * MINUTE
        made = facts(f"w{self.count}", capacity, boot=boot * MINUTE, asleep=asleep, ready_at=ready_at)
        self.fleet.put(made)
        self.model[made.worker_id] = ModelWorker(made, capacity)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def lose_worker(self, data: st.DataObject) -> None:
        """A worker vanishes with everything on it."""
        name = data.draw(st.sampled_from(sorted(self.model)))
        del self.model[name]
        self.fleet.drop(name)

    @rule(step=st.integers(0, 90))
    def pass_time(self, step: int) -> None:
        """The clock moves."""
        self.now += step * MINUTE

    @precondition(lambda self: any(worker.claims for worker in self.model.values()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A session gives its place back."""
        held = [(name, claim) for name, worker in sorted(self.model.items()) for claim in sorted(worker.claims)]
        name, claim_id = data.draw(st.sampled_from(held))
        del self.model[name].claims[claim_id]
        self.fleet.release(name, claim_id)

    @rule(wanted=AMOUNTS, ahead=MINUTES, length=st.integers(5, 120), lead=st.integers(0, 20), ports=st.integers(0, 4))
    def book(self, wanted: tuple[int, int, int, int], ahead: int, length: int, lead: int, ports: int) -> None:
        """A session with a fixed slot."""
        start = self.now + ahead
        self.serve(
            Demand(
                session_id=f"s{self.count}",
                rules=rules(ports),
                wanted=_pack(wanted),
                start=start,
                end=start + length * MINUTE,
                lead=lead * MINUTE,
                cleanup=5 * MINUTE,
            )
        )

    @rule(wanted=AMOUNTS, window=MINUTES, length=st.integers(5, 120), lead=st.integers(0, 20), ports=st.integers(0, 4))
    def soon(self, wanted: tuple[int, int, int, int], window: int, length: int, lead: int, ports: int) -> None:
        """A session that runs as soon as possible."""
        duration = length * MINUTE
        self.serve(
            Demand(
                session_id=f"s{self.count}",
                rules=rules(ports),
                wanted=_pack(wanted),
                start=self.now,
                end=self.now + duration + window,
                lead=lead * MINUTE,
                cleanup=5 * MINUTE,
                soon=True,
                duration=duration,
            )
        )

    def serve(self, demand: Demand) -> None:
        """Decide, compare with the model, hold."""
        self.count += 1
        able = {name for name, worker in self.model.items() if worker.can_take(demand, self.now)}
        place = find_place(self.fleet, demand, self.now)
        if not isinstance(place, Placed):
            assert not able, f"refused although {able} could take it"
            told, total = refusals(self.fleet, demand, self.now, 50)
            assert total == len(self.model) == len(told)
            for reason in told:
                assert self.model[reason.worker_id].confirms(reason, demand, self.now), reason
            return
        worker = self.model[place.facts.worker_id]
        assert place.facts.worker_id in able
        assert place.held_from >= self.now
        assert place.held_until == place.end + demand.cleanup
        if demand.soon:
            assert place.end - place.start == demand.duration
            assert place.end <= demand.end
            self.check_earliest(demand, place)
        else:
            assert (place.start, place.end) == (demand.start, demand.end)
            assert place.held_from <= demand.start or place.held_from == self.now
        for reason in place.refused:
            if not reason.message.endswith("starts later than the chosen worker."):
                assert self.model[reason.worker_id].confirms(reason, demand, self.now) or demand.soon, reason
        claim_id = f"c{self.count}"
        worker.claims[claim_id] = model_claim(place, claim_id)
        self.fleet.hold_place(place, claim_id)

    def check_earliest(self, demand: Demand, place: Placed) -> None:
        """Nobody could have started it earlier with the same lead."""
        lead = place.start - place.held_from
        length = lead + demand.duration + demand.cleanup
        latest = demand.end - demand.duration - lead
        starts = [
            worker.earliest(demand, self.now, length, latest)
            for worker in self.model.values()
            if not worker.facts.refusal
        ]
        assert place.held_from == min(at for at in starts if at is not None)

    @invariant()
    def nothing_is_oversubscribed(self) -> None:
        """At no instant, on no port."""
        assert not any(worker.overfull() for worker in self.model.values())

    @invariant()
    def the_timeline_tells_what_the_claims_say(self) -> None:
        """The step function equals the sum of the claims at every break."""
        for name, worker in self.model.items():
            state = self.fleet.get(name)
            assert state is not None
            breaks = {claim.start for claim in worker.claims.values()} | {claim.end for claim in worker.claims.values()}
            for moment in {self.now, *breaks}:
                assert state.timeline.used_at(moment) == _pack(worker.used(moment))


def _pack(amounts: tuple[int, int, int, int]) -> int:
    return pack(Resources(cores=amounts[0], memory_mb=amounts[1], storage_gb=amounts[2], nodes=amounts[3]))


TestPlacementAgreesWithTheModel = PlacementMachine.TestCase
TestPlacementAgreesWithTheModel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
