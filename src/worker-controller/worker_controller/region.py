"""One describe per region serves every worker that looks: cached, coalesced, and amended by our own calls.

A *snapshot* is what EC2 said of a region at one instant. A caller names how old it may be; callers that come while a
describe runs share the next one. What a call of our own changed is *noted* on top of the snapshots, because EC2 may not
show it for a moment.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lcm_core.spi.ec2 import Ec2, Instance, InstanceState

NOTED_SECONDS = 60.0
"""Real seconds for which a launch that EC2 does not show yet is taken as existing."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    taken: float
    instances: Mapping[str, Instance]


@dataclass(slots=True)
class _Region:
    snapshot: _Snapshot | None = None
    running: "asyncio.Task[_Snapshot] | None" = None
    noted: dict[str, tuple[float, Instance]] = field(default_factory=dict)


class RegionObserver:
    """See the module's text."""

    def __init__(self, ec2: Ec2) -> None:
        self._ec2 = ec2
        self._regions: dict[str, _Region] = {}

    async def instances(self, region: str, *, max_age: float) -> Mapping[str, Instance]:
        """The platform's instances of a region by id, at most ``max_age`` real seconds old. Raises ``Ec2Error``."""
        return self._amended(region, await self._fresh(region, time.monotonic() - max_age))

    async def of_worker(self, region: str, worker_id: str, instance_id: str, *, max_age: float) -> Sequence[Instance]:
        """A worker's instances: the one it knows first, then those that carry its tag, living ones first."""
        found = await self.instances(region, max_age=max_age)
        mine = [each for each in found.values() if each.worker_id == worker_id or each.instance_id == instance_id]
        return sorted(
            mine,
            key=lambda each: (
                not each.state.live,
                each.instance_id != instance_id,
                each.launched_at.timestamp() if each.launched_at else 0.0,
                each.instance_id,
            ),
        )

    def note(self, instance: Instance) -> None:
        """Remember what a call of our own made of an instance."""
        self._region(instance.region).noted[instance.instance_id] = (time.monotonic(), instance)

    def note_state(self, instance: Instance, state: InstanceState) -> None:
        """Remember that a call of our own changed the state of an instance."""
        self.note(replace(instance, state=state))

    def _region(self, region: str) -> _Region:
        return self._regions.setdefault(region, _Region())

    async def _fresh(self, name: str, not_before: float) -> _Snapshot:
        region = self._region(name)
        while True:
            if region.snapshot is not None and region.snapshot.taken >= not_before:
                return region.snapshot
            # One that is done is never waited for: that returns without a turn of the loop, and nothing would change.
            if region.running is None or region.running.done():
                region.running = asyncio.create_task(self._describe(name), name=f"describe {name}")
                region.running.add_done_callback(_seen)
            snapshot = await asyncio.shield(region.running)
            if snapshot.taken >= not_before:
                return snapshot

    async def _describe(self, name: str) -> _Snapshot:
        taken = time.monotonic()
        found = await self._ec2.describe_ours(name)
        snapshot = _Snapshot(taken, {each.instance_id: each for each in found})
        self._region(name).snapshot = snapshot
        return snapshot

    def _amended(self, name: str, snapshot: _Snapshot) -> Mapping[str, Instance]:
        region = self._region(name)
        if not region.noted:
            return snapshot.instances
        amended = dict(snapshot.instances)
        for instance_id, (noted, instance) in list(region.noted.items()):
            shown = snapshot.instances.get(instance_id)
            caught_up = shown is not None and snapshot.taken > noted
            if caught_up or time.monotonic() - noted > NOTED_SECONDS:
                del region.noted[instance_id]
            else:
                amended[instance_id] = instance
        return amended


def _seen(task: "asyncio.Task[_Snapshot]") -> None:
    """A failure that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()
