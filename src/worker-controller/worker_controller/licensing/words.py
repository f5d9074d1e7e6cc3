"""CML's license status in the platform's words."""

from lcm_core.contracts.workers import LicenseInfo, WorkerView
from lcm_core.domain.vocabulary import LicenseType
from lcm_core.spi.cml_system import License, Registration

REGISTERED = "registered"
REGISTERING = "registering"
FAILED = "failed"
UNREGISTERED = "unregistered"
RETURNED = "deregistered"
"""Given back on a person's request; nothing registers it again by itself."""
EVALUATION = "evaluation"

REGISTERED_WORDS = frozenset({REGISTERED, REGISTERING, FAILED})
"""Statuses in which the license server may hold something for the machine."""

PRODUCTS = {LicenseType.PERSONAL: "CML_Personal", LicenseType.ENTERPRISE: "CML_Enterprise"}
BASE_NODES = {"CML_Personal40": 40, "CML_Free": 5}
DEFAULT_BASE_NODES = 20
"""Nodes in the base license of personal, enterprise and education products (published by the vendor)."""


def status_word(worker: WorkerView, license_now: License) -> str:
    """The status as the platform tells it."""
    match license_now.registration:
        case Registration.COMPLETED:
            return REGISTERED
        case Registration.IN_PROGRESS | Registration.RETRY_IN_PROGRESS | Registration.RESERVATION_IN_PROGRESS:
            return REGISTERING
        case Registration.FAILED:
            return FAILED
        case _ if worker.status.license.status == RETURNED:
            return RETURNED
        case _ if worker.spec.license_type is LicenseType.EVALUATION:
            return EVALUATION
        case _:
            return UNREGISTERED


def license_info(worker: WorkerView, license_now: License) -> LicenseInfo:
    """What the worker's status shows; never a token."""
    return LicenseInfo(
        status=status_word(worker, license_now),
        authorization=license_now.authorization,
        product=license_now.product,
        node_limit=node_limit(worker, license_now),
        expires=license_now.expires,
        features=list(license_now.features),
    )


def node_limit(worker: WorkerView, license_now: License) -> int:
    """Nodes the license allows to run; an evaluation counts as what the template declares."""
    if worker.spec.license_type is LicenseType.EVALUATION:
        return worker.spec.declared_capacity.nodes
    base = BASE_NODES.get(license_now.product, DEFAULT_BASE_NODES)
    return base + (license_now.expansion_nodes or 0)
