"""What to do about a license. Pure."""

from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import LicenseType
from lcm_core.spi.cml_system import License, Registration
from worker_controller.licensing.words import (
    BASE_NODES,
    DEFAULT_BASE_NODES,
    PRODUCTS,
    RETURNED,
)
from worker_controller.lifecycle.decision import Concern, Decision, Step, StepKind, act, wait
from worker_controller.lifecycle.facts import Facts
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings

EVALUATION_WORDS = frozenset({"EVAL", "IN_COMPLIANCE", "INIT"})


def licensed(worker: WorkerView, license_now: License) -> bool:
    """Whether the license lets labs run as the template promises."""
    if worker.spec.license_type is LicenseType.EVALUATION:
        return license_now.authorization in EVALUATION_WORDS
    return license_now.in_compliance


def license_decision(
    worker: WorkerView, license_now: License, facts: Facts, now: datetime, settings: WorkerSettings
) -> Decision | None:
    """The next thing on the way to a valid license; None when it is valid and large enough."""
    if licensed(worker, license_now):
        return None if facts.growth_refused else _grow(worker, license_now)
    if worker.spec.license_type is LicenseType.EVALUATION:
        return _refused("EvaluationEnded", f"The evaluation license is {license_now.authorization}.")
    match license_now.registration:
        case Registration.COMPLETED:
            return _refused("OutOfCompliance", f"The license is registered and {license_now.authorization}.")
        case Registration.IN_PROGRESS | Registration.RETRY_IN_PROGRESS | Registration.RESERVATION_IN_PROGRESS:
            said = f" CML says: {license_now.failure}" if license_now.failure else ""
            return wait("LicenseRegistering", f"The license is being registered.{said}", Pace.READINESS)
        case Registration.NOT_REGISTERED if worker.status.license.status == RETURNED:
            return _refused("LicenseReturned", "The license was returned on request; register it to use the worker.")
        case _:
            return _register(worker, license_now, facts, now)


def _register(worker: WorkerView, license_now: License, facts: Facts, now: datetime) -> Decision:
    if not facts.has_license_token:
        return _refused("NoLicenseToken", "No license token is stored for the fleet or this worker.")
    if facts.license_retry_at is not None and facts.license_retry_at > now:
        said = license_now.failure or facts.license_refusal or "CML did not say why."
        return _refused("RegistrationFailed", f"The license could not be registered: {said}")
    return act(registration(worker, license_now), "LicenseRegistering", "The license is registered.", Pace.READINESS)


def registration(worker: WorkerView, license_now: License, *, requested: bool = False) -> Step:
    """The step that registers, with the product to activate before."""
    wanted = PRODUCTS.get(worker.spec.license_type, "")
    done = license_now.registration is Registration.COMPLETED
    product = wanted if wanted and wanted != license_now.product and not done else ""
    return Step(StepKind.REGISTER, requested=requested, product=product, enabled=done)


def _grow(worker: WorkerView, license_now: License) -> Decision | None:
    """Take as many expansion nodes as the template promises, once."""
    if license_now.expansion_nodes is None or worker.spec.license_type is not LicenseType.ENTERPRISE:
        return None
    base = BASE_NODES.get(license_now.product, DEFAULT_BASE_NODES)
    wanted = min(license_now.expansion_maximum, max(0, worker.spec.declared_capacity.nodes - base))
    if license_now.expansion_nodes >= wanted:
        return None
    step = Step(StepKind.SET_NODES, number=wanted)
    return act(step, "LicenseGrowing", f"{wanted} expansion nodes are taken.", Pace.READINESS)


def _refused(reason: str, sentence: str) -> Decision:
    return wait(reason, sentence, Pace.INSTANCE).with_concerns(Concern("license", "A worker has no license", sentence))


def requested_action(worker: WorkerView, facts: Facts) -> Decision:
    """Carry out what a person asked of the license; CML must be ready."""
    assert facts.cml is not None
    assert facts.cml.license is not None
    match worker.spec.license_action:
        case "register" if not facts.has_license_token:
            sentence = "No license token is stored for the fleet or this worker."
            return Decision("NoLicenseToken", sentence, Pace.STEADY, drop_license_action=True)
        case "register":
            step = registration(worker, facts.cml.license, requested=True)
            return act(step, "LicenseRegistering", "The license is registered, as was asked.", Pace.READINESS)
        case "renew":
            step = Step(StepKind.RENEW, requested=True)
            return act(step, "LicenseRenewing", "The license is renewed, as was asked.", Pace.READINESS)
        case "deregister" if facts.busy:
            return wait("SessionsInUse", "The license is returned when no session needs it any more.", Pace.STEADY)
        case "deregister":
            step = Step(StepKind.DEREGISTER, requested=True)
            return act(step, "LicenseReturning", "The license is returned, as was asked.", Pace.READINESS)
        case other:
            sentence = f"{other} is not something a license can be asked to do."
            return Decision("UnknownLicenseAction", sentence, Pace.STEADY, drop_license_action=True)


def expiry_concern(license_now: License, now: datetime, settings: WorkerSettings) -> Concern | None:
    """A task when the registration ends soon."""
    if license_now.expires is None or license_now.expires - now > timedelta(days=settings.license_expiry_days):
        return None
    text = f"The license registration ends on {license_now.expires:%Y-%m-%d}; renew it before."
    return Concern("license-expiry", "A license expires soon", text)
