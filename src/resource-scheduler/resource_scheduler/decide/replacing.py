"""Sessions whose worker is gone before their slot queue again at once."""

from lcm_core.domain.vocabulary import WorkerDesired, WorkerPhase
from resource_scheduler.decide.plan import Plan, ReturnOrder
from resource_scheduler.decide.world import World

_LOST = frozenset({WorkerPhase.FAILED, WorkerPhase.TERMINATING, WorkerPhase.TERMINATED})


def return_lost(world: World, plan: Plan) -> None:
    """Take away every place on a worker that will not serve it."""
    for session in world.scheduled:
        worker = world.workers.get(session.worker_id)
        if worker is None:
            name, why = session.worker_id, "is not known any more"
        elif worker.status.phase in _LOST:
            name, why = worker.spec.name, f"is {worker.status.phase}"
        elif worker.spec.desired is WorkerDesired.TERMINATED:
            name, why = worker.spec.name, "is going to be terminated"
        else:
            continue
        message = f"Worker {name} {why}; the session is placed again."
        plan.returns.append(ReturnOrder(session.session_id, session.worker_id, "WorkerLost", message))
