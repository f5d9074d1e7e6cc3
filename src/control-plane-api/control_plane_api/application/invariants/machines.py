"""One machine per worker and one worker per need."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from control_plane_api.application.invariants.picture import Picture, Violation, WorkerFact
from lcm_core.domain.vocabulary import WorkerPhase

_HAS_A_MACHINE = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING})


def instances_once(picture: Picture) -> Iterator[Violation]:
    """No two workers have the same instance, and a worker that runs has one."""
    for instance_id, owners in _shared(picture, lambda worker: worker.instance_id):
        sentence = f"Workers {' and '.join(owners)} both have instance {instance_id}."
        yield Violation("instance-once", instance_id, sentence)
    for worker in picture.workers.values():
        if worker.phase in _HAS_A_MACHINE and not worker.instance_id:
            sentence = f"Worker {worker.id} is {worker.phase} without an instance."
            yield Violation("instance-once", worker.id, sentence)


def needs_once(picture: Picture) -> Iterator[Violation]:
    """A need of the scheduler was answered with one worker."""
    for need_id, owners in _shared(picture, lambda worker: worker.need_id):
        yield Violation("need-once", need_id, f"Need {need_id} was answered with workers {' and '.join(owners)}.")


def _shared(picture: Picture, of: Callable[[WorkerFact], str]) -> Iterator[tuple[str, list[str]]]:
    owners: dict[str, list[str]] = defaultdict(list)
    for worker in picture.workers.values():
        if of(worker) and worker.phase is not WorkerPhase.TERMINATED:
            owners[of(worker)].append(worker.id)
    for value, ids in owners.items():
        if len(ids) > 1:
            yield value, sorted(ids)


def gone_is_gone(picture: Picture) -> Iterator[Violation]:
    """A terminated worker has given back labs, license and instance."""
    for worker in picture.workers.values():
        if worker.phase is WorkerPhase.TERMINATED and worker.finalizers:
            left = ", ".join(worker.finalizers)
            sentence = f"Worker {worker.id} is terminated and has not given back: {left}."
            yield Violation("worker-gone", worker.id, sentence)
