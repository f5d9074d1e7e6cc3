"""What must hold when everything has come to rest: nothing is lost, left behind or told differently in two places."""

from collections.abc import Iterator
from datetime import datetime

from control_plane_api.application.invariants.catalog import violations
from control_plane_api.application.projection.projections import PROJECTIONS, project
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from lcm_core.etcd.keys import PROJECTION_PREFIX
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.cml_system import Registration
from lcm_core.spi.ec2 import InstanceState
from lcm_core.spi.grading import EngineState
from lcm_core.topology import POOL_OWNER, owner_of
from tests.simulate.learning import OVER
from tests.simulate.plane import settings
from tests.simulate.world import World

_AT_REST = frozenset(
    {WorkerPhase.RUNNING.value, WorkerPhase.STOPPED.value, WorkerPhase.TERMINATED.value, WorkerPhase.FAILED.value}
)


def unsettled(world: World) -> Iterator[str]:
    """What still moves; empty when the platform has come to rest."""
    for session_id, session in world.database.documents("sessions").items():
        if session["status"]["phase"] != SessionPhase.TERMINATED:
            yield (
                f"session {session_id} is still {session['status']['phase']}: "
                f"{session['status']['reason']} {session['status']['message']}"
            )
    for worker_id, worker in world.database.documents("workers").items():
        if worker["status"]["phase"] not in _AT_REST:
            yield f"worker {worker_id} is still {worker['status']['phase']}: {worker['status']['message']}"
    for projected in PROJECTIONS:
        for key, document in world.database.documents(projected.collection).items():
            if document.get("pending"):
                yield f"{projected.collection} {key} still waits to be projected"


async def leftovers(world: World, accepted: dict[str, str]) -> Iterator[str]:
    """Everything that is wrong at rest, one sentence each; ``accepted`` maps reservation to session ids.

    The platform's own invariants come first: at rest each of them counts at once.
    """
    stores = world.planes[0].stores
    picture = await stores.deps(settings()).pictures.take()
    found = [violation.sentence for violation in violations(picture)]
    return iter([*found, *_left(world, accepted)])


def _left(world: World, accepted: dict[str, str]) -> Iterator[str]:
    yield from _sessions(world, accepted)
    yield from _claims(world)
    yield from _outside(world)
    yield from _machines(world)
    yield from _projection(world)
    for event in world.database.documents("inbound_events").values():
        if event.get("waiting"):
            yield f"event {event['event']['id']} ({event['event']['type']}) was accepted and never applied"


def _sessions(world: World, accepted: dict[str, str]) -> Iterator[str]:
    sessions = world.database.documents("sessions")
    made: dict[str, list[str]] = {}
    for session_id, session in sessions.items():
        made.setdefault(session["spec"]["reservation_id"], []).append(session_id)
        if session["status"]["launch_available"]:
            yield f"session {session_id} is over and its link is still available"
    for reservation, session_id in accepted.items():
        if session_id not in sessions:
            yield f"reservation {reservation} was accepted as {session_id}, which does not exist"
    for reservation, ids in made.items():
        if len(ids) > 1:
            yield f"reservation {reservation} was made {len(ids)} times: {', '.join(ids)}"
    for session_id, report in world.database.documents("score_reports").items():
        score = sessions[session_id]["status"]["score"]
        if score is None or score["score"] != report["score"]:
            yield f"session {session_id} has a score report of {report['score']} and shows {score}"


def _claims(world: World) -> Iterator[str]:
    now = world.clock.now()
    for day in world.database.documents("claims").values():
        for claim in day["claims"]:
            # A claim whose time is over takes no room from anybody; it is forgotten with its day.
            if datetime.fromisoformat(claim["end"]) > now:
                yield f"claim {claim['claim_id']} of session {claim['session_id']} is still held on {day['worker_id']}"


def _outside(world: World) -> Iterator[str]:
    for delivery in world.learning.sessions.values():
        if delivery.session.state not in OVER:
            yield f"LDS session {delivery.session.id} of {delivery.session.auth_id} is still {delivery.session.state}"
    for work in world.engine.jobs.values():
        if work.job.state not in (EngineState.COMPLETED, EngineState.FAILED, EngineState.CANCELED):
            yield f"grading job {work.job.id} of session {work.request.session_id} is still {work.job.state}"


def _machines(world: World) -> Iterator[str]:
    workers = world.database.documents("workers")
    held: dict[str, str] = {}
    for instance in world.machines.seen():
        machine = world.machines.by_id.get(instance.instance_id)
        if machine is None or not instance.state.live:
            continue
        worker = workers.get(instance.worker_id)
        phase = worker["status"]["phase"] if worker else "unknown"
        if worker is None or phase == WorkerPhase.TERMINATED:
            yield f"instance {instance.instance_id} is {instance.state} and its worker {instance.worker_id} is {phase}"
            continue
        if instance.worker_id in held:
            yield f"worker {instance.worker_id} has instances {held[instance.worker_id]} and {instance.instance_id}"
        held[instance.worker_id] = instance.instance_id
        # A worker that failed keeps what is on its machine until a person or another try brings it back.
        for lab in machine.labs.values() if phase == WorkerPhase.RUNNING else ():
            owner = owner_of(lab.title, lab.notes)
            if owner != POOL_OWNER:
                yield f"lab {lab.id} of session {owner} is left on {instance.instance_id} as {lab.state}"
            elif lab.state is LabState.STARTED:
                yield f"pooled lab {lab.id} runs on {instance.instance_id}"
        licensed = machine.license.registration is Registration.COMPLETED
        if phase == WorkerPhase.RUNNING and instance.state is InstanceState.RUNNING and not licensed:
            yield f"worker {instance.worker_id} is running without a license"
    for worker_id, worker in workers.items():
        if worker["status"]["phase"] in (WorkerPhase.RUNNING, WorkerPhase.STOPPED) and worker_id not in held:
            yield f"worker {worker_id} is {worker['status']['phase']} and has no instance"


def _projection(world: World) -> Iterator[str]:
    """etcd holds exactly what the database says, apart from the metrics, which have no aggregate."""
    found = {
        key: item.value
        for key, item in world.etcd.items.items()
        if key.startswith(PROJECTION_PREFIX) and not key.endswith("/metrics")
    }
    for projected in PROJECTIONS:
        for document in world.database.documents(projected.collection).values():
            for key, value in project(projected, document):
                held = found.pop(key, None)
                if held is None:
                    yield f"{key} is missing in etcd"
                elif _without_trace(held) != _without_trace(value):
                    yield f"{key} is {held!r} in etcd and {value!r} in the database"
    for key in sorted(found):
        yield f"{key} is in etcd and nothing in the database belongs to it"


def _without_trace(value: bytes) -> bytes:
    return value.partition(b',"traceparent"')[0].rstrip(b"}")
