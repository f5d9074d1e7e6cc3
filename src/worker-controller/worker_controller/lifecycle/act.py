"""Carrying out one decision: at most one effect outside, then one report."""

from dataclasses import replace

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import PreconditionFailed
from lcm_core.contracts.common import Written
from lcm_core.contracts.workers import LicenseInfo, ReportWorker, WorkerView
from lcm_core.controller import RetryableError, current_context
from lcm_core.domain.vocabulary import WorkerFinalizer, WorkerPhase
from lcm_core.spi.ec2 import (
    Ec2,
    Ec2Error,
    Ec2Throttled,
    Ec2Unavailable,
    InstanceGone,
    InstanceState,
    WrongInstanceState,
)
from worker_controller.failpoints import failpoint
from worker_controller.licensing.words import REGISTERED_WORDS, REGISTERING, UNREGISTERED
from worker_controller.lifecycle.decision import Decision, Step, StepKind
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.observation import is_news
from worker_controller.lifecycle.upkeep import launch_tags, wrong_tags
from worker_controller.region import RegionObserver
from worker_controller.settings import WorkerSettings


def still_leading() -> None:
    """Raise ``LeadershipLost`` right before an effect outside when this process may not act any more."""
    context = current_context()
    if context is not None:
        context.leadership.require()


async def report(control_plane: ControlPlaneClient, worker_id: str, body: ReportWorker) -> Written:
    """Store an observation; a write by somebody else in between only means to look again at once."""
    try:
        return await control_plane.report_worker(worker_id, body)
    except PreconditionFailed as error:
        raise RetryableError(
            "ChangedMeanwhile", "The worker changed meanwhile; it is looked at again.", after=0.05
        ) from error


def told(worker: WorkerView, decision: Decision, seen: ReportWorker) -> ReportWorker:
    """The observation together with what was decided about it."""
    changed: dict[str, object] = {}
    if decision.move_to is not None:
        changed |= {"phase": decision.move_to, "reason": decision.reason, "message": decision.sentence}
    elif decision.tell and (worker.status.reason, worker.status.message) != (decision.reason, decision.sentence):
        changed |= {"reason": decision.reason, "message": decision.sentence}
    clear = [each for each in decision.clear if each in worker.status.finalizers]
    if clear:
        changed["clear_finalizers"] = clear
    if decision.drop_license_action:
        changed["clear_license_action"] = True
    if decision.step is None and worker.generation > worker.status.observed_generation:
        changed["observed_generation"] = worker.generation
    if decision.step is not None and decision.step.kind is StepKind.REGISTER:
        changed["license"] = _about_to_register(worker, seen)
    elif _is_unheard(worker, decision, seen):
        changed["license"] = None
    body = seen.model_copy(update=changed)
    return body.model_copy(update={"expected_version": worker.version}) if is_news(body) else body


def _is_unheard(worker: WorkerView, decision: Decision, seen: ReportWorker) -> bool:
    """Whether a worker that terminates shows no registration though one was begun: it stays on record until it settled,
    which is when the decision lets the license go.
    """
    ends = WorkerPhase.TERMINATING in (worker.status.phase, decision.move_to)
    lets_go = WorkerFinalizer.LICENSE in decision.clear
    begun = worker.status.license.status == REGISTERING
    return ends and not lets_go and begun and seen.license is not None and seen.license.status == UNREGISTERED


def _about_to_register(worker: WorkerView, seen: ReportWorker) -> LicenseInfo | None:
    """The license as it may be from now on, None when that is on record.

    It is stored before the call: if nobody sees how that ends before the instance stops, the license is returned all
    the same.
    """
    known = seen.license or worker.status.license
    status = known.status if known.status in REGISTERED_WORDS else REGISTERING
    intended = known.model_copy(update={"status": status})
    return intended if intended != worker.status.license else None


class InstanceActor:
    """Steps on an instance that exists."""

    def __init__(self, ec2: Ec2, regions: RegionObserver, settings: WorkerSettings) -> None:
        self._ec2 = ec2
        self._regions = regions
        self._settings = settings

    async def act(self, worker: WorkerView, step: Step, facts: Facts) -> None:
        """Call EC2 and note what it made of the instance. Raises ``RetryableError``."""
        assert facts.instance is not None
        instance, region = facts.instance, worker.spec.region
        still_leading()
        try:
            match step.kind:
                case StepKind.START:
                    await self._ec2.start(region, instance.instance_id)
                    self._regions.note_state(instance, InstanceState.PENDING)
                case StepKind.STOP:
                    await self._ec2.stop(region, instance.instance_id)
                    self._regions.note_state(instance, InstanceState.STOPPING)
                case StepKind.TERMINATE:
                    failpoint("terminate.before-call")
                    await self._ec2.terminate(region, instance.instance_id)
                    failpoint("terminate.called")
                    self._regions.note_state(instance, InstanceState.SHUTTING_DOWN)
                case StepKind.ADOPT:
                    await self._ec2.tag(region, instance.instance_id, launch_tags(worker, self._settings.deployment))
                case StepKind.TAG:
                    tags, removed = wrong_tags(worker.spec, instance)
                    await self._ec2.tag(region, instance.instance_id, tags, removed)
                case StepKind.MONITOR:
                    await self._ec2.set_detailed_monitoring(region, instance.instance_id, step.enabled)
                    self._regions.note(replace(instance, detailed_monitoring=step.enabled))
                case _:
                    raise ValueError(f"{step.kind} is no step on an instance")
        except (InstanceGone, WrongInstanceState) as error:
            raise RetryableError("InstanceChanged", f"The instance is not what it was: {error}", after=1.0) from error
        except Ec2Error as error:
            raise passing(error) from error


def passing(error: Ec2Error) -> RetryableError:
    """An EC2 failure that is tried again with the key's back-off."""
    if isinstance(error, Ec2Throttled):
        return RetryableError("Ec2Throttled", "EC2 answers too many requests at the moment; it is tried again.")
    if isinstance(error, Ec2Unavailable):
        return RetryableError("Ec2Silent", str(error))
    return RetryableError("Ec2Refused", str(error))
