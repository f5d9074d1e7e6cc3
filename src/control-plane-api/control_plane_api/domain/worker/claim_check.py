"""The pure rule against double booking: does a claim fit beside the others, at every instant and on every port?"""

from collections.abc import Sequence
from dataclasses import dataclass

from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.contracts.workers import PortRange


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """What a worker offers: capacity less unmanaged use, its port range and the ports nobody may take."""

    capacity: Resources
    ports: PortRange
    taken_ports: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """Why a claim was refused: ``code`` and one sentence with the numbers."""

    code: str
    message: str


AMOUNTS = ("cores", "memory_mb", "storage_gb", "nodes")


def check_claim(claim: ClaimView, others: Sequence[ClaimView], limits: ClaimLimits) -> ClaimRefusal | None:
    """None when the claim fits. Usage only rises where a claim starts, so those instants are enough to look at."""
    if claim.end <= claim.start:
        return ClaimRefusal("BadInterval", "the claim ends before it starts")
    rivals = [other for other in others if other.start < claim.end and other.end > claim.start]
    for name, number in claim.ports.items():
        if not limits.ports.low <= number <= limits.ports.high:
            return ClaimRefusal(
                "PortOutOfRange", f"port {number} ({name}) is outside {limits.ports.low}-{limits.ports.high}"
            )
        if number in limits.taken_ports:
            return ClaimRefusal("PortTaken", f"port {number} ({name}) is used by a lab that LCM does not manage")
    wanted = set(claim.ports.values())
    if len(wanted) != len(claim.ports):
        return ClaimRefusal("PortTwice", "the claim names one port for two purposes")
    for other in rivals:
        clash = wanted.intersection(other.ports.values())
        if clash:
            return ClaimRefusal(
                "PortTaken", f"port {min(clash)} is held by session {other.session_id} until {other.end.isoformat()}"
            )
    return _check_amounts(claim, rivals, limits)


def _check_amounts(claim: ClaimView, rivals: Sequence[ClaimView], limits: ClaimLimits) -> ClaimRefusal | None:
    instants = {claim.start, *(other.start for other in rivals if other.start > claim.start)}
    for instant in sorted(instants):
        present = [other for other in rivals if other.start <= instant < other.end]
        for amount in AMOUNTS:
            offered = getattr(limits.capacity, amount)
            used = sum(getattr(other.resources, amount) for other in present)
            wanted = getattr(claim.resources, amount)
            if used + wanted > offered:
                return ClaimRefusal(
                    "CapacityExceeded",
                    f"{amount}: {wanted} wanted, {used} of {offered} taken at {instant.isoformat()}",
                )
    return None
