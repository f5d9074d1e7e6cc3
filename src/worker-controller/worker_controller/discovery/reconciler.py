"""The sweep over every region as a controller with one key."""

from collections.abc import Sequence
from datetime import datetime

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import NotFound
from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.controller import Outcome
from lcm_core.domain.vocabulary import TaskSeverity, WorkerPhase
from lcm_core.spi.ec2 import Ec2, Ec2Error, Instance
from worker_controller.concerns import TaskBook
from worker_controller.discovery.decide import Accounts, Finding, Verdict, findings
from worker_controller.lifecycle.act import still_leading
from worker_controller.lifecycle.decision import Concern
from worker_controller.pace import Pacer
from worker_controller.settings import WorkerSettings

KEY = "discovery"
_ORPHAN, _STRANGER = "orphan", "discovered"


class DiscoveryReconciler:
    """See ``lcm_core.controller.Reconciler``."""

    def __init__(
        self,
        control_plane: ControlPlaneClient,
        ec2: Ec2,
        tasks: TaskBook,
        clock: DomainClock,
        pacer: Pacer,
        settings: WorkerSettings,
    ) -> None:
        self._control_plane = control_plane
        self._ec2 = ec2
        self._tasks = tasks
        self._clock = clock
        self._pacer = pacer
        self._settings = settings
        self._orphan_since: dict[str, datetime] = {}

    async def reconcile(self, key: str) -> Outcome:
        """Look at every region that templates or workers name. Raises ``ApiError``."""
        del key
        workers = [worker async for worker in self._control_plane.workers()]
        templates = [template async for template in self._control_plane.templates()]
        found: list[Finding] = []
        silent: list[str] = []
        for region in sorted(_regions(workers, templates)):
            try:
                found += await self._look(region, workers, templates)
            except Ec2Error:
                silent.append(region)
        await self._ask(found, bool(silent))
        ended = await self._end(found)
        return self._outcome(found, ended, silent)

    async def _look(self, region: str, workers: list[WorkerView], templates: list[TemplateView]) -> list[Finding]:
        instances = await self._ec2.describe_all(region)
        patterns = sorted({each.spec.ami_pattern for each in templates if region in each.spec.regions})
        images = await self._ec2.image_ids(region, patterns)
        accounts = await self._accounts(workers, instances)
        now = self._clock.now()
        found = list(findings(instances, accounts, images, self._orphan_since, now, self._settings))
        orphans = {each.instance.instance_id for each in found if each.verdict is not Verdict.STRANGER}
        for instance in instances:
            if instance.instance_id not in orphans:
                self._orphan_since.pop(instance.instance_id, None)
        for instance_id in orphans:
            self._orphan_since.setdefault(instance_id, now)
        return found

    async def _accounts(self, workers: list[WorkerView], instances: Sequence[Instance]) -> Accounts:
        """The known workers; a worker that the list lacks is asked for by id, for it may be younger than the list."""
        phases = {worker.id: worker.status.phase for worker in workers}
        named = {worker.status.instance.instance_id for worker in workers}
        named |= {worker.spec.import_instance_id for worker in workers}
        for instance in instances:
            name = instance.worker_id
            if name and name not in phases and instance.state.live:
                try:
                    phases[name] = (await self._control_plane.worker(name)).status.phase
                except NotFound:
                    continue
        return Accounts(phases, named - {""})

    async def _ask(self, found: list[Finding], incomplete: bool) -> None:
        """Open tasks for what a person must know; close those whose instance is gone or accounted for."""
        kinds = {Verdict.STRANGER: _STRANGER, Verdict.ORPHAN_FOREIGN: _ORPHAN, Verdict.ORPHAN_ENDS: _ORPHAN}
        asked: set[str] = set()
        for finding in found:
            kind = kinds.get(finding.verdict)
            if kind is None:
                continue
            asked.add(finding.instance.instance_id)
            title = "A CML instance is unknown" if kind == _STRANGER else "An instance has no worker"
            severity = TaskSeverity.INFO if kind == _STRANGER else TaskSeverity.WARNING
            concern = Concern(kind, title, finding.message, severity)
            await self._tasks.settle(finding.instance.instance_id, [concern], target_kind="instance")
        if incomplete:
            return
        for subject in await self._tasks.subjects(_STRANGER) | await self._tasks.subjects(_ORPHAN):
            if subject not in asked:
                await self._tasks.settle(subject, (), target_kind="instance")

    async def _end(self, found: list[Finding]) -> int:
        ended = 0
        for finding in found:
            if finding.verdict is Verdict.ORPHAN_ENDS:
                still_leading()
                try:
                    await self._ec2.terminate(finding.instance.region, finding.instance.instance_id)
                    ended += 1
                except Ec2Error:
                    continue  # the next sweep finds it again
        return ended

    def _outcome(self, found: list[Finding], ended: int, silent: list[str]) -> Outcome:
        seconds = self._settings.discovery_seconds
        if any(finding.verdict is Verdict.ORPHAN_WAITS for finding in found):
            seconds = min(seconds, self._settings.orphan_grace_minutes * 60 / 2)
        strangers = sum(1 for finding in found if finding.verdict is Verdict.STRANGER)
        sentence = f"{strangers} unknown CML instances, {len(found) - strangers} orphans, {ended} terminated."
        if silent:
            sentence += f" EC2 did not answer in {', '.join(silent)}."
        return Outcome.requeue_after(self._pacer.scaled(seconds, floor=2.0), "Swept", sentence)


def _regions(workers: list[WorkerView], templates: list[TemplateView]) -> set[str]:
    live = {worker.spec.region for worker in workers if worker.status.phase is not WorkerPhase.TERMINATED}
    return live | {region for template in templates for region in template.spec.regions}
