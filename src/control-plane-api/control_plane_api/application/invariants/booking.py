"""No double booking, and sessions and claims name each other."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from control_plane_api.application.invariants.picture import ClaimFact, Picture, SessionFact, Violation, WorkerFact
from control_plane_api.domain.worker.claim_check import AMOUNTS
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase

_NEEDS_A_WORKER = frozenset(
    {SessionPhase.SCHEDULED, SessionPhase.INSTANTIATING, SessionPhase.READY, SessionPhase.RUNNING}
)


def _by_worker(picture: Picture) -> dict[str, list[ClaimFact]]:
    found: dict[str, list[ClaimFact]] = defaultdict(list)
    for claim in picture.claims:
        found[claim.worker_id].append(claim)
    return found


def claims_fit(picture: Picture) -> Iterator[Violation]:
    """At every instant the claims on a worker are within what it declares."""
    for worker_id, claims in _by_worker(picture).items():
        worker = picture.workers.get(worker_id)
        if worker is not None and worker.phase is not WorkerPhase.TERMINATED:
            yield from _overfull(worker, claims)


def _overfull(worker: WorkerFact, claims: Sequence[ClaimFact]) -> Iterator[Violation]:
    """The first instant of too much of each amount."""
    for amount in AMOUNTS:
        offered: int = getattr(worker.capacity, amount)
        found = _first_excess(amount, offered, claims)
        if found is not None:
            instant, used = found
            present = sorted(claim.session_id for claim in claims if claim.start <= instant < claim.end)
            sentence = (
                f"Worker {worker.id} offers {offered} {amount} and {used} are claimed at {instant.isoformat()}, "
                f"by sessions {', '.join(present)}."
            )
            yield Violation("claims-fit", f"{worker.id}/{amount}", sentence)


def _first_excess(amount: str, offered: int, claims: Sequence[ClaimFact]) -> tuple[datetime, int] | None:
    """When more than is offered is claimed first, and how much then. Ends are counted before starts."""
    changes: list[tuple[datetime, int]] = []
    for claim in claims:
        wanted: int = getattr(claim.resources, amount)
        changes += [(claim.start, wanted), (claim.end, -wanted)]
    used = 0
    for instant, change in sorted(changes):
        used += change
        if used > offered:
            return instant, used
    return None


def ports_unique(picture: Picture) -> Iterator[Violation]:
    """Claims that overlap on a worker share no port, and every port is within the worker's range."""
    for worker_id, claims in _by_worker(picture).items():
        worker = picture.workers.get(worker_id)
        holders: dict[int, list[tuple[ClaimFact, str]]] = defaultdict(list)
        for claim in claims:
            for name, port in claim.ports.items():
                holders[port].append((claim, name))
                if worker is not None and not worker.lowest_port <= port <= worker.highest_port:
                    limits = f"{worker.lowest_port}-{worker.highest_port}"
                    sentence = (
                        f"Session {claim.session_id} holds port {port} ({name}) of worker {worker_id}, "
                        f"which offers {limits}."
                    )
                    yield Violation("ports-unique", f"{worker_id}/{port}", sentence)
        for port, held in holders.items():
            yield from _clash(worker_id, port, held)


def _clash(worker_id: str, port: int, held: Sequence[tuple[ClaimFact, str]]) -> Iterator[Violation]:
    ordered = sorted(held, key=lambda item: item[0].start)
    for (first, name), (second, other) in pairwise(ordered):
        if second.start < first.end:
            sentence = (
                f"Port {port} of worker {worker_id} is held by session {first.session_id} ({name}) until "
                f"{first.end.isoformat()} and by session {second.session_id} ({other}) from {second.start.isoformat()}."
            )
            yield Violation("ports-unique", f"{worker_id}/{port}", sentence)
            return


def claims_held(picture: Picture) -> Iterator[Violation]:
    """Every claim belongs to a living session that names it, on a worker that exists."""
    for claim in picture.claims:
        subject = f"{claim.worker_id}/{claim.id}"
        session = picture.sessions.get(claim.session_id)
        what = f"Claim {claim.id} on worker {claim.worker_id}"
        if claim.worker_id not in picture.workers:
            yield Violation("claim-held", subject, f"{what} is on a worker that does not exist.")
        elif session is None:
            yield Violation("claim-held", subject, f"{what} is of session {claim.session_id}, which does not exist.")
        elif not _names(session, claim):
            sentence = f"{what} is of session {session.id}, which is {session.phase} and does not hold it."
            yield Violation("claim-held", subject, sentence)


def _names(session: SessionFact, claim: ClaimFact) -> bool:
    place = session.place
    if session.phase is SessionPhase.TERMINATED or place is None:
        return False
    return (place.claim_id, place.worker_id) == (claim.id, claim.worker_id)


def places_claimed(picture: Picture) -> Iterator[Violation]:
    """Every session with a place has its claim there, over the whole of its slot, with its resources and ports."""
    claims = {(claim.worker_id, claim.id): claim for claim in picture.claims}
    for session in picture.sessions.values():
        place = session.place
        if place is None or session.phase is SessionPhase.TERMINATED or place.end <= picture.at:
            continue
        problem = _unclaimed(session, claims.get((place.worker_id, place.claim_id)))
        if problem:
            sentence = f"Session {session.id} is {session.phase} on worker {place.worker_id}, {problem}."
            yield Violation("place-claimed", session.id, sentence)


def _unclaimed(session: SessionFact, claim: ClaimFact | None) -> str:
    place = session.place
    assert place is not None
    if claim is None:
        return f"but its claim {place.claim_id} is not held there"
    if claim.session_id != session.id:
        return f"but its claim {claim.id} is of session {claim.session_id}"
    if claim.start > place.start or claim.end < place.end:
        return (
            f"but its claim covers {claim.start.isoformat()} to {claim.end.isoformat()} and not the whole of "
            f"{place.start.isoformat()} to {place.end.isoformat()}"
        )
    if dict(claim.ports) != dict(place.ports) or claim.resources != place.resources:
        return f"but its claim {claim.id} holds other resources or ports than the session was given"
    return ""


def places_exist(picture: Picture) -> Iterator[Violation]:
    """No session waits for, or runs on, a worker that is gone."""
    for session in picture.sessions.values():
        if session.place is None or session.phase not in _NEEDS_A_WORKER:
            continue
        worker = picture.workers.get(session.place.worker_id)
        if worker is None or worker.phase is WorkerPhase.TERMINATED:
            sentence = f"Session {session.id} is {session.phase} on worker {session.place.worker_id}, which is gone."
            yield Violation("place-exists", session.id, sentence)
