"""The files of the instances: one each, replaced at once at every change, so that a killed process loses none."""

from collections.abc import Iterator
from pathlib import Path

from lcm_simulators.ec2.instances.model import Instance


class InstanceStore:
    """Instances in memory, written through to `<folder>/<instance id>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._instances: dict[str, Instance] = {}
        for file in sorted(folder.glob("i-*.json")):
            instance = Instance.model_validate_json(file.read_bytes())
            self._instances[instance.instance_id] = instance

    def __iter__(self) -> Iterator[Instance]:
        return iter(list(self._instances.values()))

    def get(self, instance_id: str) -> Instance | None:
        """One instance of any region."""
        return self._instances.get(instance_id)

    def in_region(self, region: str) -> list[Instance]:
        """A region's instances, oldest first."""
        found = [instance for instance in self._instances.values() if instance.region == region]
        return sorted(found, key=lambda instance: (instance.created_at, instance.instance_id))

    def launched_with(self, region: str, client_token: str) -> list[Instance]:
        """What an earlier call with the same client token launched."""
        return [instance for instance in self.in_region(region) if instance.client_token == client_token]

    def save(self, instance: Instance) -> None:
        """Keep the instance as it is now."""
        self._instances[instance.instance_id] = instance
        file = self._folder / f"{instance.instance_id}.json"
        part = file.with_suffix(".new")
        part.write_text(instance.model_dump_json(), encoding="utf-8")
        part.replace(file)

    def forget(self, instance: Instance) -> None:
        """Remove an instance for good."""
        self._instances.pop(instance.instance_id, None)
        (self._folder / f"{instance.instance_id}.json").unlink(missing_ok=True)

    @property
    def latest(self) -> float:
        """The last simulated instant that any instance speaks of; 0 without instances."""
        return max((instance.latest for instance in self._instances.values()), default=0.0)
