"""A small controller service in a process of its own, configured by the environment like the real ones."""

import asyncio

from lcm_core.controller import ControllerSpec, Informer, Outcome, Source, state_informer
from lcm_core.controller.parts import ServiceContext, ServiceParts
from lcm_core.controller.service import ControllerService
from lcm_core.domain.vocabulary import ServiceName
from lcm_core.etcd import StateSummary


class Watcher:
    """Says which version it saw."""

    def __init__(self, workers: Informer[StateSummary]) -> None:
        self._workers = workers

    async def reconcile(self, key: str) -> Outcome:
        """See ``Reconciler``."""
        return Outcome.done("Seen", f"Version {self._workers.version(key)} was seen.")


async def build(context: ServiceContext) -> ServiceParts:
    """One informer, one controller."""
    workers = state_informer(context.etcd, "workers")
    return ServiceParts([workers], [ControllerSpec("workers", Watcher(workers), [Source(workers)])])


if __name__ == "__main__":
    asyncio.run(ControllerService(ServiceName.WORKER_CONTROLLER, build, default_admin_port=0).run())
