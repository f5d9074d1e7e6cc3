"""What to do about an instance that was found. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.spi.ec2 import DEPLOYMENT_TAG, Instance
from worker_controller.settings import WorkerSettings


class Verdict(StrEnum):
    """What an instance is to the platform."""

    ORPHAN_WAITS = "orphan_waits"
    ORPHAN_ENDS = "orphan_ends"
    ORPHAN_FOREIGN = "orphan_foreign"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Finding:
    """One instance that needs attention."""

    verdict: Verdict
    instance: Instance
    message: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which workers and instances are accounted for: phases of the known workers, and every instance id they name."""

    phases: Mapping[str, WorkerPhase]
    instance_ids: Collection[str]


def findings(
    instances: Sequence[Instance],
    accounts: Accounts,
    cml_images: Mapping[str, str],
    orphan_since: Mapping[str, datetime],
    now: datetime,
    settings: WorkerSettings,
) -> Iterator[Finding]:
    """Everything worth attention among the instances of a region.

    ``orphan_since`` says since when an instance is known to be an orphan; one that is not in it was just found.
    """
    for instance in instances:
        if not instance.state.live:
            continue
        if instance.worker_id:
            finding = _tagged(instance, accounts, orphan_since.get(instance.instance_id, now), now, settings)
            if finding is not None:
                yield finding
        elif instance.image_id in cml_images and instance.instance_id not in accounts.instance_ids:
            name = cml_images[instance.image_id]
            text = f"{instance.instance_id} in {instance.region} runs from image {name} and belongs to no worker."
            yield Finding(Verdict.STRANGER, instance, f"{text} Import it, or leave it alone.")


def _tagged(
    instance: Instance, accounts: Accounts, since: datetime, now: datetime, settings: WorkerSettings
) -> Finding | None:
    phase = accounts.phases.get(instance.worker_id)
    if phase is not None and phase is not WorkerPhase.TERMINATED:
        return None
    state = "was terminated" if phase is not None else "does not exist"
    text = f"{instance.instance_id} in {instance.region} belongs to worker {instance.worker_id}, which {state}."
    if instance.tags.get(DEPLOYMENT_TAG, "") != settings.deployment:
        other = instance.tags.get(DEPLOYMENT_TAG) or "unknown"
        return Finding(
            Verdict.ORPHAN_FOREIGN, instance, f"{text} It was launched by installation {other}, so it is left alone."
        )
    if now - since < timedelta(minutes=settings.orphan_grace_minutes):
        return Finding(Verdict.ORPHAN_WAITS, instance, text)
    return Finding(Verdict.ORPHAN_ENDS, instance, f"{text} It is terminated.")
