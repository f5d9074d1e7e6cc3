"""Launching: intent first, then the call, then the report. No crash in between launches twice.

The *attempt* with its client token is stored before EC2 is called. Whoever takes over finds the attempt, looks for an
instance with the worker's tag, and repeats the call with the same token and image when there is none: EC2 answers the
same token with the same instance.
"""

import hashlib
from dataclasses import replace

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import InstanceInfo, LaunchAttempt, ReportWorker, WorkerView
from lcm_core.controller import RetryableError
from lcm_core.domain.vocabulary import TaskSeverity, WorkerPhase
from lcm_core.spi.ec2 import (
    CapacityShortage,
    Ec2,
    Ec2Error,
    Ec2Refused,
    Ec2Throttled,
    Ec2Unavailable,
    Instance,
    LaunchRequest,
    LaunchTokenReused,
)
from worker_controller.concerns import TaskBook
from worker_controller.failpoints import failpoint
from worker_controller.launching import Breaker, Images, Place
from worker_controller.lifecycle.act import report, still_leading
from worker_controller.lifecycle.decision import Concern
from worker_controller.lifecycle.upkeep import launch_tags
from worker_controller.region import RegionObserver
from worker_controller.settings import WorkerSettings

TOKEN_LIMIT = 64
"""Longest client token EC2 accepts, in ASCII characters."""


def client_token(worker_id: str, number: int) -> str:
    """The token of a worker's n-th attempt; the same everywhere and at any time."""
    token = f"lcm-{worker_id}-{number}"
    return token if len(token) <= TOKEN_LIMIT else f"lcm-{hashlib.sha256(token.encode()).hexdigest()[:56]}"


class Launcher:
    """Launches the instance of one worker."""

    def __init__(
        self,
        control_plane: ControlPlaneClient,
        ec2: Ec2,
        regions: RegionObserver,
        breaker: Breaker,
        tasks: TaskBook,
        clock: DomainClock,
        settings: WorkerSettings,
    ) -> None:
        self._control_plane = control_plane
        self._ec2 = ec2
        self._regions = regions
        self._images = Images(ec2)
        self._breaker = breaker
        self._tasks = tasks
        self._clock = clock
        self._settings = settings

    async def launch(self, worker: WorkerView, number: int) -> str:
        """One try; the sentence of what came of it. Raises ``RetryableError`` and ``ApiError``."""
        place = (worker.spec.template_id, worker.spec.region)
        try:
            attempt, image, version = await self._intend(worker, number)
            still_leading()
            instance = await self._call(worker, attempt, image.image_id)
        except (CapacityShortage, Ec2Refused) as error:
            return await self._failed(worker, number, place, error)
        self._regions.note(instance)
        failpoint("launch.called")
        await self._launched(worker, instance, image, version)
        failpoint("launch.reported")
        if self._breaker.succeeded(place):
            await self._tasks.settle(_subject(place), (), target_kind="template")
        return f"Instance {instance.instance_id} was launched."

    async def _intend(self, worker: WorkerView, number: int) -> tuple[LaunchAttempt, "_Chosen", int]:
        """Store the attempt with its image, or take the stored one."""
        known = worker.status.attempt
        if known is not None and known.number == number and worker.status.instance.ami_id:
            return known, _Chosen(worker.status.instance.ami_id, worker.status.instance.ami_name), worker.version
        try:
            image = await self._images.newest(worker.spec.region, worker.spec.ami_pattern)
        except (Ec2Throttled, Ec2Unavailable) as error:
            raise RetryableError("Ec2Silent", str(error)) from error
        attempt = LaunchAttempt(
            client_token=client_token(worker.id, number), number=number, started_at=self._clock.now()
        )
        intent = ReportWorker(
            expected_version=worker.version,
            attempt=attempt,
            instance=InstanceInfo(ami_id=image.image_id, ami_name=image.name, instance_type=worker.spec.instance_type),
            reason="Launching",
            message="EC2 is asked for the instance.",
        )
        failpoint("launch.before-intent")
        written = await report(self._control_plane, worker.id, intent)
        failpoint("launch.intended")
        return attempt, _Chosen(image.image_id, image.name), written.version

    async def _call(self, worker: WorkerView, attempt: LaunchAttempt, image_id: str) -> Instance:
        request = LaunchRequest(
            client_token=attempt.client_token,
            region=worker.spec.region,
            image_id=image_id,
            instance_type=worker.spec.instance_type,
            tags=launch_tags(worker, self._settings.deployment),
            nested_virtualization=worker.spec.nested_virtualization,
            detailed_monitoring=worker.spec.detailed_monitoring,
        )
        try:
            instance = await self._ec2.launch(request)
        except (Ec2Throttled, Ec2Unavailable, LaunchTokenReused) as error:
            await self._note_error(worker, attempt, error)
            raise RetryableError(_reason(error), str(error)) from error
        return instance if instance.tags else replace(instance, tags=dict(request.tags))

    async def _note_error(self, worker: WorkerView, attempt: LaunchAttempt, error: Ec2Error) -> None:
        """Keep the last error with the attempt, for whoever looks at the worker."""
        noted = attempt.model_copy(update={"error": str(error)[:500]})
        if worker.status.attempt != noted:
            await report(self._control_plane, worker.id, ReportWorker(attempt=noted))

    async def _launched(self, worker: WorkerView, instance: Instance, image: "_Chosen", version: int) -> None:
        failed_before = worker.status.phase is WorkerPhase.FAILED
        await report(
            self._control_plane,
            worker.id,
            ReportWorker(
                expected_version=version,
                phase=WorkerPhase.STARTING if failed_before else WorkerPhase.PROVISIONING,
                reason="InstanceRequested",
                message=f"Instance {instance.instance_id} was launched.",
                observed_generation=worker.generation,
                instance=InstanceInfo(
                    instance_id=instance.instance_id,
                    state=instance.state.value,
                    instance_type=instance.instance_type or worker.spec.instance_type,
                    ami_id=image.image_id,
                    ami_name=image.name,
                    private_ip=instance.private_ip,
                    public_ip=instance.public_ip,
                    launched_at=instance.launched_at,
                    state_since=self._clock.now(),
                ),
            ),
        )

    async def _failed(self, worker: WorkerView, number: int, place: Place, error: Ec2Error) -> str:
        """EC2 said no and launched nothing: the worker has failed, and so perhaps has its template."""
        now = self._clock.now()
        reason = "InsufficientCapacity" if isinstance(error, CapacityShortage) else "LaunchRefused"
        attempt = LaunchAttempt(
            client_token=client_token(worker.id, number), number=number, started_at=now, error=str(error)[:500]
        )
        moves = worker.status.phase is not WorkerPhase.FAILED
        body = ReportWorker(
            phase=WorkerPhase.FAILED if moves else None,
            reason=reason,
            message=str(error)[:500],
            attempt=attempt,
            observed_generation=worker.generation,
        )
        await report(self._control_plane, worker.id, body)
        until = self._breaker.failed(place, now)
        await self._tasks.settle(_subject(place), [_concern(worker, error, until)], target_kind="template")
        return f"The launch failed: {error}"


class _Chosen:
    """The image an attempt uses, for as long as the attempt lasts."""

    def __init__(self, image_id: str, name: str) -> None:
        self.image_id = image_id
        self.name = name


def _subject(place: Place) -> str:
    return f"{place[0]}.{place[1]}"


def _reason(error: Ec2Error) -> str:
    match error:
        case Ec2Throttled():
            return "Ec2Throttled"
        case LaunchTokenReused():
            return "LaunchedMeanwhile"
        case _:
            return "Ec2Silent"


def _concern(worker: WorkerView, error: Ec2Error, until: object) -> Concern:
    text = f"Launching {worker.spec.template_name} in {worker.spec.region} failed: {error}"
    if until is not None:
        text += f" The template rests there until {until:%Y-%m-%d %H:%M} UTC."
    shortage = isinstance(error, CapacityShortage)
    severity = TaskSeverity.WARNING if shortage else TaskSeverity.CRITICAL
    title = "EC2 has no capacity for a template" if shortage else "EC2 refuses to launch a template"
    return Concern("launch", title, text, severity)
