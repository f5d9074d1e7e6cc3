"""What must never be true of a picture, and what must not be true any more at rest. Pure; each answers sentences.

``always`` holds at every instant, ``past`` looks back over everything that happened, ``at_rest`` holds once the faults
are over and everybody went home.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from lcm_core.domain import SESSION_STATES, WORKER_STATES
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from lcm_core.etcd.values import decode_value
from tests.chaos.adversary import FORGED
from tests.chaos.history import Answer, History
from tests.chaos.picture import Bookings, Document, Picture

AMOUNTS = ("cores", "memory_mb", "storage_gb", "nodes")
LIVE_INSTANCES = frozenset({"pending", "running", "stopping", "stopped", "shutting-down"})
_GONE = WorkerPhase.TERMINATED.value
_OVER = SessionPhase.TERMINATED.value
_JOBS_DONE = frozenset({"completed", "failed", "canceled"})


def always(bookings: Bookings) -> list[str]:
    """No double booking and no doubled machine."""
    return [*_overbooked(bookings), *_doubled_machines(bookings.instances)]


def _overbooked(bookings: Bookings) -> Iterator[str]:
    workers = {worker["_id"]: worker for worker in bookings.workers}
    for claims in filter(None, bookings.days):
        worker_id = claims[0].worker_id
        worker = workers.get(worker_id)
        capacity = worker["status"]["capacity"] if worker else {}
        # Use only rises where a claim starts, so these instants are enough.
        for instant in sorted({claim.start for claim in claims}):
            present = [claim for claim in claims if claim.start <= instant < claim.end]
            for amount in AMOUNTS:
                used = sum(getattr(claim.resources, amount) for claim in present)
                if used > capacity.get(amount, 0):
                    who = ", ".join(sorted(claim.session_id for claim in present))
                    yield (
                        f"worker {worker_id} is overbooked at {instant.isoformat()}: "
                        f"{used} {amount} of {capacity.get(amount, 0)}, claimed by {who}"
                    )
            ports = Counter(port for claim in present for port in claim.ports.values())
            for port, count in ports.items():
                if count > 1:
                    yield f"port {port} of worker {worker_id} is claimed {count} times at {instant.isoformat()}"


def _doubled_machines(instances: Iterable[Document]) -> Iterator[str]:
    owners = Counter(
        found["tags"]["lcm:worker-id"]
        for found in instances
        if found["state"] in LIVE_INSTANCES and found["tags"].get("lcm:worker-id")
    )
    for worker_id, count in owners.items():
        if count > 1:
            yield f"{count} live instances belong to worker {worker_id}"


def past(picture: Picture, history: History) -> list[str]:
    """Every event is there once, phases moved along their tables, nothing accepted was lost, nothing forged counted."""
    by_aggregate: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for event in picture.events:
        by_aggregate[event["kind"], event["aggregate_id"]].append(event)
    found: list[str] = []
    for key, events in by_aggregate.items():
        events.sort(key=lambda event: (event["version"], event["number"]))
        found += _moves(key, events)
        found += _signals(key, events)
    found += _accepted(picture, history)
    found += _forged(picture)
    found += _doubled_outside(picture)
    return found


def lost_events(picture: Picture) -> list[str]:
    """Every version that was ever written has its events in the log, numbered without a gap."""
    seen: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in picture.events:
        seen[event["kind"], event["aggregate_id"]][event["version"]].append(event["number"])
    found: list[str] = []
    for key, version in picture.versions.items():
        logged = seen.get(key, {})
        missing = sorted(set(range(1, version + 1)) - set(logged))
        if missing:
            found.append(f"{key[0]} {key[1]} has no event of version {missing[0]} ({len(missing)} missing)")
        for number, numbers in logged.items():
            if sorted(numbers) != list(range(len(numbers))):
                found.append(f"{key[0]} {key[1]} version {number} has the events {sorted(numbers)}")
    return found


def _moves(key: tuple[str, str], events: list[Document]) -> Iterator[str]:
    kind, object_id = key
    phase: str | None = None
    endings = 0
    for event in events:
        if event["type"] not in ("SessionMoved", "WorkerMoved"):
            continue
        data = event["data"]
        if phase is not None and data["previous"] != phase:
            yield f"{kind} {object_id} moved from {data['previous']} at version {event['version']}, but was {phase}"
        legal = (
            SESSION_STATES.allows(SessionPhase(data["previous"]), SessionPhase(data["phase"]))
            if kind == "session"
            else WORKER_STATES.allows(WorkerPhase(data["previous"]), WorkerPhase(data["phase"]))
        )
        if not legal:
            yield f"{kind} {object_id} moved from {data['previous']} to {data['phase']}, which its table forbids"
        phase = data["phase"]
        endings += phase == "terminated"
    if endings > 1:
        yield f"{kind} {object_id} ended {endings} times"


def _signals(key: tuple[str, str], events: list[Document]) -> Iterator[str]:
    counts = Counter(event["data"]["inbound_id"] for event in events if event["type"] == "SessionSignaled")
    for event_id, count in counts.items():
        if count > 1:
            yield f"inbound event {event_id} was applied {count} times to session {key[1]}"


def _accepted(picture: Picture, history: History) -> Iterator[str]:
    notes = Counter(session["spec"]["note"] for session in picture.sessions)
    sessions: Mapping[str, Document] = {session["_id"]: session for session in picture.sessions}
    for operation in history.of("reserve", Answer.OK):
        if notes[operation.key] != 1:
            yield f"the accepted reservation {operation.key!r} exists {notes[operation.key]} times"
    for answer in (Answer.UNKNOWN, Answer.REFUSED):
        for operation in history.of("reserve", answer):
            if notes[operation.key] > (answer is Answer.UNKNOWN):
                yield f"the {answer} reservation {operation.key!r} exists {notes[operation.key]} times"
    for operation in history.of("extend", Answer.OK):
        slot_end = sessions[operation.key]["spec"]["slot"]["end"] if operation.key in sessions else ""
        if slot_end < operation.detail.replace("+00:00", "Z"):
            yield f"session {operation.key} was extended to {operation.detail}, but ends at {slot_end}"


def _forged(picture: Picture) -> Iterator[str]:
    for stored in picture.inbound:
        if stored["event"]["id"].startswith(FORGED):
            yield f"the forged event {stored['event']['id']} was accepted"


def _doubled_outside(picture: Picture) -> Iterator[str]:
    """One delivery for each place a session had, and one verdict of the grading engine."""
    places = {session["_id"]: session["status"]["placements_tried"] for session in picture.sessions}
    deliveries = Counter(delivery["auth_id"] for delivery in picture.deliveries)
    verdicts = Counter(job["lablet_session_id"] for job in picture.jobs if job["state"] == "completed")
    for session_id, tried in places.items():
        if deliveries[session_id] > tried:
            yield f"session {session_id} had {tried} places, but {deliveries[session_id]} deliveries"
        if verdicts[session_id] > 1:
            yield f"session {session_id} was graded {verdicts[session_id]} times"


def at_rest(picture: Picture, now: datetime, lost_instances: Collection[str] = ()) -> list[str]:
    """Everything has ended, nothing is left outside, and the copies agree.

    ``now`` is the domain's time. The licenses of ``lost_instances``, which died of themselves, nobody can give back.
    """
    return [
        *_unfinished(picture),
        *_stale_claims(picture, now),
        *_left_outside(picture, lost_instances),
        *_undelivered(picture),
        *_unequal(picture),
        *(f"events of {name} wait in its outbox" for name in picture.pending),
        *lost_events(picture),
    ]


def _unfinished(picture: Picture) -> Iterator[str]:
    for session in picture.sessions:
        status = session["status"]
        if status["phase"] != _OVER:
            yield f"session {session['_id']} is still {status['phase']}: {status['message']}"
        elif not status["outcome"]:
            yield f"session {session['_id']} ended without an outcome"
    for worker in picture.bookings.workers:
        if worker["status"]["phase"] != _GONE:
            yield f"worker {worker['_id']} is still {worker['status']['phase']}: {worker['status']['message']}"


def _stale_claims(picture: Picture, now: datetime) -> Iterator[str]:
    """Claims of the past bind nothing and go with their day."""
    phases = {session["_id"]: session["status"]["phase"] for session in picture.sessions}
    for claim in (claim for day in picture.bookings.days for claim in day):
        phase = phases.get(claim.session_id)
        if phase in (None, _OVER) and claim.end > now:
            state = "which never existed" if phase is None else "which has ended"
            yield f"claim {claim.claim_id} on worker {claim.worker_id} is held by session {claim.session_id}, {state}"


def _left_outside(picture: Picture, lost_instances: Collection[str]) -> Iterator[str]:
    workers = {worker["_id"]: worker["status"]["phase"] for worker in picture.bookings.workers}
    for instance in picture.bookings.instances:
        if instance["state"] in LIVE_INSTANCES:
            owner = instance["tags"].get("lcm:worker-id", "")
            phase = workers.get(owner)
            yield f"instance {instance['instance_id']} is {instance['state']}; its worker {owner} is {phase}"
    for instance_id, titles in picture.labs.items():
        for title in titles:
            yield f"lab {title!r} is left on {instance_id}"
    for delivery in picture.deliveries:
        if delivery["state"] != "ARCHIVED":
            yield f"delivery {delivery['id']} of session {delivery['auth_id']} is left {delivery['state']}"
    for job in picture.jobs:
        if job["state"] not in _JOBS_DONE:
            yield f"grading job {job['id']} of session {job['lablet_session_id']} is left {job['state']}"
    for license_ in picture.licenses:
        state = "leaked" if license_["leaked"] else "registered"
        if license_["instance_id"] not in lost_instances:
            yield f"the license of {license_['instance_id']} is still {state}"


def _undelivered(picture: Picture) -> Iterator[str]:
    stored = {(found["event"]["source"], found["event"]["id"]): found for found in picture.inbound}
    for event in picture.sent:
        body = event["body"]
        if event["state"] == "waiting":
            yield f"event {event['id']} ({event['type']}) still waits at its sender: {event['answer']}"
        elif event["state"] == "delivered" and (body["source"], body["id"]) not in stored:
            yield f"event {event['id']} ({event['type']}) was acknowledged but is not stored"
    for found in picture.inbound:
        if found.get("waiting"):
            yield f"inbound event {found['event']['id']} ({found['event']['type']}) was never applied"


def _unequal(picture: Picture) -> Iterator[str]:
    for key in sorted(picture.expected.keys() - picture.shown.keys()):
        yield f"etcd has no {key}"
    for key in sorted(picture.shown.keys() - picture.expected.keys()):
        if decode_value(picture.shown[key])[0] > 0:
            yield f"etcd has {key}, of which the database knows nothing"
    for key in sorted(picture.expected.keys() & picture.shown.keys()):
        wanted, shown = (_comparable(side[key]) for side in (picture.expected, picture.shown))
        if wanted != shown:
            yield f"etcd shows {shown} at {key}, the database says {wanted}"


def _comparable(value: bytes) -> tuple[int, dict[str, object]]:
    """Version and fields; the trace of the last command is gone once its event has left the outbox."""
    version, body = decode_value(value)
    body.pop("traceparent", None)
    return version, body


def secrets_in(texts: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Secrets that stand in a log or in etcd, by the names of both."""
    return [
        f"{place} contains {name}"
        for place, text in texts.items()
        for name, secret in secrets.items()
        if secret in text
    ]


def lives(picture: Picture) -> Iterator[str]:
    """The life of each session and worker, one line each, to read beside a violation."""
    for session in picture.sessions:
        yield _life("session", session, str(session["status"]["outcome"]))
    for worker in picture.bookings.workers:
        yield _life("worker", worker, worker["spec"]["desired_reason"])


def _life(kind: str, document: Document, end: str) -> str:
    moves = "; ".join(f"{move['at'][11:19]} {move['phase']} {move['reason']}" for move in document["status"]["history"])
    return f"{kind} {document['_id']} ({end}): {moves} | {document['status']['message']}"
