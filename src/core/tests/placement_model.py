"""A brute-force model of placement: lists of claims, every instant looked at, nothing clever."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, Placed, Refused, Rules, WorkerFacts
from lcm_core.placement.amounts import pack, unpack
from lcm_core.placement.instants import MINUTE, clock_text

Amounts = tuple[int, int, int, int]
CAPACITY_SENTENCE = re.compile(r"has (\d+) of (\d+) ([a-zA-Z ]+) free at ([\d: -]+); (\d+) are needed")
POSITION = {"cores": 0, "MB of memory": 1, "GB of storage": 2, "nodes": 3}


@dataclass(frozen=True)
class ModelClaim:
    """One claim."""

    claim_id: str
    start: int
    end: int
    amounts: Amounts
    ports: frozenset[int]


@dataclass
class ModelWorker:
    """One worker with its claims."""

    facts: WorkerFacts
    capacity: Amounts
    claims: dict[str, ModelClaim] = field(default_factory=dict)

    def used(self, moment: int) -> Amounts:
        """Sum of what is claimed at an instant."""
        present = [claim.amounts for claim in self.claims.values() if claim.start <= moment < claim.end]
        return tuple(sum(column) for column in zip((0, 0, 0, 0), *present, strict=True))  # type: ignore[return-value]

    def fits(self, start: int, end: int, wanted: Amounts, ports: int) -> bool:
        """Whether a claim would fit at every instant, with enough ports that nobody has in all that time."""
        rivals = [claim for claim in self.claims.values() if claim.start < end and claim.end > start]
        for moment in {start, *(claim.start for claim in rivals if claim.start > start)}:
            used = self.used(moment)
            if any(taken + more > offered for taken, more, offered in zip(used, wanted, self.capacity, strict=True)):
                return False
        taken_ports = {port for claim in rivals for port in claim.ports}
        offered_ports = set(range(self.facts.port_low, self.facts.port_high + 1))
        return len(offered_ports - taken_ports) >= ports

    def can_take(self, demand: Demand, now: int) -> bool:
        """Whether any place exists for the session on this worker."""
        if self.facts.refusal or any(
            more > offered for more, offered in zip(unpack(demand.wanted), self.capacity, strict=True)
        ):
            return False
        wanted, ports, ready = unpack(demand.wanted), len(demand.rules.port_names), self.facts.ready(now)
        if not demand.soon:
            start = max(now, demand.start - demand.lead)
            return ready < demand.end and self.fits(start, demand.end + demand.cleanup, wanted, ports)
        return self.earliest(demand, now, demand.duration + demand.cleanup, demand.end - demand.duration) is not None

    def earliest(self, demand: Demand, now: int, length: int, latest: int) -> int | None:
        """The first start of a claim of some length: at once, or where another claim ends."""
        wanted, ports = unpack(demand.wanted), len(demand.rules.port_names)
        floor = max(self.facts.ready(now), demand.start)
        starts = sorted({floor, *(claim.end for claim in self.claims.values() if claim.end > floor)})
        return next((at for at in starts if at <= latest and self.fits(at, at + length, wanted, ports)), None)

    def overfull(self) -> bool:
        """Whether any instant exceeds the capacity or gives a port twice."""
        for claim in self.claims.values():
            if any(taken > offered for taken, offered in zip(self.used(claim.start), self.capacity, strict=True)):
                return True
            for other in self.claims.values():
                overlap = other is not claim and other.start < claim.end and other.end > claim.start
                if overlap and other.ports & claim.ports:
                    return True
        return False

    def confirms(self, refused: Refused, demand: Demand, now: int) -> bool:
        """Whether a told reason is true: the worker really cannot, and the numbers are those of that instant."""
        if self.can_take(demand, now):
            return False
        match = CAPACITY_SENTENCE.search(refused.message)
        if match is None:
            return True
        free, offered, unit, text, needed = match.groups()
        position = POSITION[unit]
        moments = [at for at in self.moments(now) if clock_text(at) == text]
        return any(
            int(free) == max(0, self.capacity[position] - self.used(at)[position])
            and int(offered) == self.capacity[position]
            and int(needed) == unpack(demand.wanted)[position] > int(free)
            for at in moments
        )

    def moments(self, now: int) -> Iterable[int]:
        """Every instant of a fine grid around all claims."""
        last = max((claim.end for claim in self.claims.values()), default=now)
        return range(min(now, 0), max(last, now + 600 * MINUTE), MINUTE)


def facts(
    name: str, capacity: Amounts, *, boot: int = 0, asleep: bool = False, ready_at: int = 0, ports: int = 4
) -> WorkerFacts:
    """A worker with few ports, so that they run out."""
    declared = Resources(cores=capacity[0], memory_mb=capacity[1], storage_gb=capacity[2], nodes=capacity[3])
    phase = WorkerPhase.STOPPED if asleep else WorkerPhase.STARTING if ready_at else WorkerPhase.RUNNING
    return WorkerFacts(
        worker_id=name,
        name=name,
        region="us-east-1",
        phase=phase,
        capacity=pack(declared),
        declared=declared,
        port_low=2000,
        port_high=2000 + ports - 1,
        ready_at=ready_at,
        boot=boot,
        asleep=asleep,
        hourly_cost=1.0,
    )


def model_claim(placed: Placed, claim_id: str) -> ModelClaim:
    """A found place as the model holds it."""
    return ModelClaim(
        claim_id,
        placed.held_from,
        placed.held_until,
        unpack(placed.demand.wanted),
        frozenset(placed.ports.values()),
    )


def rules(ports: int) -> Rules:
    """Rules that only ask for ports."""
    return Rules(f"ports-{ports}", port_names=tuple(f"P{number}" for number in range(ports)))
