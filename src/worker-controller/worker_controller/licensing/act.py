"""License steps. The token is read right before it is used and goes nowhere else."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lcm_core.contracts.workers import LicenseInfo, ReportWorker, WorkerView
from lcm_core.controller import RetryableError
from lcm_core.domain.vocabulary import TaskSeverity
from lcm_core.spi.cml_system import CmlBusy, CmlError, CmlRefused, CmlSystem, CmlTarget, CmlUnavailable
from worker_controller.credentials import Credentials
from worker_controller.failpoints import failpoint
from worker_controller.licensing.words import RETURNED, UNREGISTERED
from worker_controller.lifecycle.act import still_leading
from worker_controller.lifecycle.decision import Concern, Step, StepKind
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.observe import Memory
from worker_controller.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step leaves to report, and perhaps to ask of a person."""

    report: ReportWorker
    concern: Concern | None = None


class LicenseActor:
    """Registers, grows, renews and returns licenses."""

    def __init__(self, cml: CmlSystem, credentials: Credentials, memory: Memory, settings: WorkerSettings) -> None:
        self._cml = cml
        self._credentials = credentials
        self._memory = memory
        self._retry = timedelta(minutes=settings.license_retry_minutes)

    async def act(self, worker: WorkerView, step: Step, facts: Facts, now: datetime) -> Effect:
        """Do it; what to report and to ask a person besides. Raises ``RetryableError`` while CML is busy or silent."""
        assert facts.instance is not None
        credentials = await self._credentials.of(worker.id)
        target = CmlTarget(worker.id, facts.instance.endpoint, credentials.cml_username, credentials.cml_password)
        still_leading()
        try:
            return await self._step(worker, step, target, credentials.license_token, now)
        except CmlRefused as error:
            return self._refused(worker, step, error, now)
        except (CmlBusy, CmlUnavailable) as error:
            raise RetryableError("CmlBusy", str(error), after=0.5) from error
        except CmlError as error:
            raise RetryableError("CmlRefused", str(error)) from error

    async def _step(self, worker: WorkerView, step: Step, target: CmlTarget, token: str, now: datetime) -> Effect:
        done = ReportWorker(clear_license_action=step.requested)
        concern: Concern | None = None
        match step.kind:
            case StepKind.REGISTER:
                if step.product:
                    await self._cml.set_product(target, step.product)
                failpoint("license.before-call")
                self._memory.license_retry_at[worker.id] = now + self._retry
                await self._cml.register(target, token, reregister=step.enabled)
                self._memory.license_refusal.pop(worker.id, None)
                failpoint("license.called")
            case StepKind.SET_NODES:
                await self._cml.set_expansion_nodes(target, step.number)
            case StepKind.RENEW:
                await self._cml.renew(target)
            case StepKind.DEREGISTER:
                failpoint("license.before-return")
                reached = await self._cml.deregister(target)
                failpoint("license.returned")
                if not reached:
                    concern = _left(worker)
                given_up = LicenseInfo(status=RETURNED if step.requested else UNREGISTERED)
                done = done.model_copy(update={"license": given_up})
            case _:
                raise ValueError(f"{step.kind} is no license step")
        return Effect(done, concern)

    def _refused(self, worker: WorkerView, step: Step, error: CmlRefused, now: datetime) -> Effect:
        """CML does not accept it: a wish is dropped with the reason; everything else is tried again later."""
        if step.requested:
            # What was returned on request stays so: nothing but another request registers it.
            known = worker.status.license if worker.status.license.status == RETURNED else None
            body = ReportWorker(
                clear_license_action=True, reason="LicenseActionRefused", message=str(error), license=known
            )
            return Effect(body)
        if step.kind is StepKind.SET_NODES:
            self._memory.growth_refused[worker.id] = worker.generation
            text = f"{worker.spec.name} cannot take {step.number} expansion nodes: {error}"
            return Effect(ReportWorker(), Concern("license-nodes", "A license is smaller than its template", text))
        if step.kind is StepKind.REGISTER:
            self._memory.license_retry_at[worker.id] = now + self._retry
            self._memory.license_refusal[worker.id] = str(error)
        raise RetryableError("CmlRefused", str(error)) from error


def _left(worker: WorkerView) -> Concern:
    text = f"CML on {worker.spec.name} gave its license up without reaching the license server; free it there."
    return Concern("license-left", "A license may be left registered", text, TaskSeverity.CRITICAL)
