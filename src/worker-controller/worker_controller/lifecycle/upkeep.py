"""Chores on a running instance: the operator's tags and the detailed monitoring switch."""

from collections.abc import Mapping

from lcm_core.contracts.workers import WorkerSpec, WorkerView
from lcm_core.spi.ec2 import DEPLOYMENT_TAG, MANAGED_TAGS_TAG, NEED_TAG, WORKER_TAG, Instance
from worker_controller.lifecycle.decision import Step, StepKind
from worker_controller.lifecycle.facts import Facts

TAG_VALUE_LIMIT = 256


def upkeep(worker: WorkerView, facts: Facts) -> tuple[Step, str, str] | None:
    """The next chore with its reason and sentence."""
    instance = facts.instance
    if instance is None:
        return None
    if wrong_tags(worker.spec, instance) != ({}, ()):
        return Step(StepKind.TAG), "Tagging", "The tags are copied to EC2."
    if worker.spec.detailed_monitoring != instance.detailed_monitoring:
        wanted = worker.spec.detailed_monitoring
        switch = "on; it costs extra" if wanted else "off"
        return Step(StepKind.MONITOR, enabled=wanted), "Monitoring", f"Detailed monitoring is switched {switch}."
    return None


def wrong_tags(spec: WorkerSpec, instance: Instance) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Operator's tags that EC2 lacks or has otherwise, and those it still has although they were taken away."""
    wanted = operator_tags(spec)
    had = [name for name in instance.tags.get(MANAGED_TAGS_TAG, "").split(",") if name]
    removed = tuple(name for name in had if name not in spec.tags and name in instance.tags)
    if not spec.tags and not had:
        return {}, ()
    return {name: value for name, value in wanted.items() if instance.tags.get(name) != value}, removed


def operator_tags(spec: WorkerSpec) -> Mapping[str, str]:
    """The operator's tags and the list of their names, as far as it fits a tag; names that do not fit stay for good."""
    names = ""
    for name in sorted(spec.tags):
        longer = f"{names},{name}" if names else name
        if len(longer) <= TAG_VALUE_LIMIT:
            names = longer
    return {**spec.tags, MANAGED_TAGS_TAG: names}


def launch_tags(worker: WorkerView, deployment: str) -> Mapping[str, str]:
    """Tags of a new or adopted instance."""
    spec = worker.spec
    own = {WORKER_TAG: worker.id, DEPLOYMENT_TAG: deployment, "Name": spec.name}
    if spec.need_id:
        own[NEED_TAG] = spec.need_id
    return {**(operator_tags(spec) if spec.tags else {}), **own}
