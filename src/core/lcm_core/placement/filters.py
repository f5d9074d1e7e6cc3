"""Filters: each says why a worker can never take a session of some kind, whatever the time. None means it can.

Facts that a worker has not told yet (its CML version before the first boot) do not count against it; they are looked at
again once they are known.
"""

from collections.abc import Callable

from lcm_core.placement.amounts import UNITS, fits, shortages
from lcm_core.placement.model import Demand, Refused, WorkerFacts
from lcm_core.placement.versions import parse_version

Filter = Callable[[WorkerFacts, Demand], str | None]


def takes_sessions(worker: WorkerFacts, demand: Demand) -> str | None:
    """The worker's phase, drain flag and health."""
    del demand
    return worker.refusal or None


def region(worker: WorkerFacts, demand: Demand) -> str | None:
    """Regions the definition allows."""
    allowed = demand.rules.regions
    if not allowed or worker.region in allowed:
        return None
    return f"is in {worker.region}; the definition allows {', '.join(sorted(allowed))}"


def license_affinity(worker: WorkerFacts, demand: Demand) -> str | None:
    """License families the definition allows."""
    allowed = demand.rules.license_affinity
    if not allowed or worker.license_type in allowed:
        return None
    return f"has a {worker.license_type} license; the definition allows {', '.join(sorted(allowed))}"


def nested_virtualization(worker: WorkerFacts, demand: Demand) -> str | None:
    """Nested virtualization where it is needed."""
    if worker.nested_virtualization or not demand.rules.nested_virtualization:
        return None
    return "has no nested virtualization, which the definition needs"


def cml_version(worker: WorkerFacts, demand: Demand) -> str | None:
    """CML's version, compared as a version."""
    wanted = demand.rules.cml_versions
    if demand.rules.unreadable:
        return demand.rules.unreadable
    version = parse_version(worker.cml_version) if wanted else None
    if wanted is None or version is None or wanted.contains(version):
        return None
    return f"runs CML {worker.cml_version}, which is outside the definition's range"


def ami_version(worker: WorkerFacts, demand: Demand) -> str | None:
    """The machine image's version, compared as a version."""
    wanted = demand.rules.ami_versions
    version = parse_version(worker.ami_name) if wanted else None
    if wanted is None or version is None or wanted.contains(version):
        return None
    return f"was made from {worker.ami_name}, which is outside the definition's range"


def node_definitions(worker: WorkerFacts, demand: Demand) -> str | None:
    """Node definitions that the topology uses."""
    missing = demand.rules.node_definitions - worker.node_definitions if worker.node_definitions else None
    if not missing:
        return None
    return f"lacks the node definitions {', '.join(sorted(missing)[:5])}"


def size(worker: WorkerFacts, demand: Demand) -> str | None:
    """Amounts against the whole worker, license limits included."""
    if fits(worker.capacity, 0, demand.wanted):
        return None
    name, wanted, _, offered = next(shortages(worker.capacity, 0, demand.wanted))
    if name == "nodes" and offered < worker.declared.nodes:
        return f"may run {offered} nodes under its {worker.license_type} license; {wanted} are needed"
    return f"has {offered} {UNITS[name]} in all; {wanted} are needed"


def port_count(worker: WorkerFacts, demand: Demand) -> str | None:
    """Enough ports in the worker's range."""
    wanted = len(demand.rules.port_names)
    if not wanted:
        return None
    offered = worker.port_mask.bit_count()
    if wanted <= offered:
        return None
    return f"has {offered} usable ports between {worker.port_low} and {worker.port_high}; {wanted} are needed"


FILTERS: tuple[tuple[str, Filter], ...] = (
    ("phase", takes_sessions),
    ("region", region),
    ("license", license_affinity),
    ("size", size),
    ("nested-virtualization", nested_virtualization),
    ("cml-version", cml_version),
    ("ami-version", ami_version),
    ("node-definitions", node_definitions),
    ("ports", port_count),
)
"""Name and filter, in the order in which they are asked; the first reason is the one that is told."""


def refusal(worker: WorkerFacts, demand: Demand) -> Refused | None:
    """The first filter that speaks against the worker."""
    for name, judge in FILTERS:
        message = judge(worker, demand)
        if message is not None:
            shown = worker.refusal_filter if judge is takes_sessions else name
            return Refused(worker.worker_id, worker.name, shown, f"{worker.name} {message}.")
    return None
