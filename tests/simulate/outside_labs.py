"""The labs side of CML and the object store as one process sees them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from lcm_core.spi.cml_labs import LabInfo, LabState, NodeInfo, NodeLoad
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.content_store import StoredObject
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused, OutsideUnavailable, OutsideUnheard
from tests.simulate.machines import Machine, Machines, SimulatedLab
from tests.simulate.network import Connection
from tests.simulate.virtual_time import START

T = TypeVar("T")
CML, S3 = "CML", "S3"


def outside_failure(system: str) -> Callable[[str], Exception]:
    """What the adapters of a system raise when it cannot be asked."""
    return lambda sentence: OutsideUnavailable(system, sentence)


def outside_unheard(system: str) -> Callable[[str], Exception]:
    """What they raise when the answer to a change does not come."""
    return lambda sentence: OutsideUnheard(system, sentence)


class CmlLabsView:
    """Implements ``CmlLabs``."""

    def __init__(self, machines: Machines, connection: Connection) -> None:
        self._machines = machines
        self._connection = connection

    def _now(self) -> datetime:
        return self._machines.now()

    async def _on(self, target: CmlTarget, work: Callable[[Machine], T], *, asks: bool = False) -> T:
        def effect() -> T:
            machine = self._machines.at(target.endpoint)
            if machine is None or not self._machines.usable(machine):
                raise OutsideUnavailable(CML, "no answer")
            return work(machine)

        return await (self._connection.ask if asks else self._connection.call)(effect)

    async def _with(
        self, target: CmlTarget, lab_id: str, work: Callable[[Machine, SimulatedLab], T], *, asks: bool = False
    ) -> T:
        def effect(machine: Machine) -> T:
            if lab_id not in machine.labs:
                raise OutsideNotFound(CML, f"there is no lab {lab_id}")
            return work(machine, machine.labs[lab_id])

        return await self._on(target, effect, asks=asks)

    async def labs(self, target: CmlTarget) -> Sequence[LabInfo]:
        """See ``CmlLabs``."""
        return await self._on(target, lambda machine: [lab.info() for lab in machine.labs.values()], asks=True)

    async def lab(self, target: CmlTarget, lab_id: str) -> LabInfo:
        """See ``CmlLabs``."""
        return await self._with(target, lab_id, lambda _, lab: lab.info(), asks=True)

    async def import_lab(self, target: CmlTarget, topology: str) -> str:
        """See ``CmlLabs``."""
        return await self._on(target, lambda machine: self._machines.new_lab(machine, topology).id)

    async def rename(self, target: CmlTarget, lab_id: str, title: str, notes: str) -> None:
        """See ``CmlLabs``."""

        def change(_: Machine, lab: SimulatedLab) -> None:
            lab.title, lab.notes = title, notes

        await self._with(target, lab_id, change)

    async def start(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        await self._with(target, lab_id, self._machines.start_lab)

    async def stop(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        await self._gone_is_fine(target, lab_id, lambda _, lab: self._machines.stop_lab(lab))

    async def _gone_is_fine(
        self, target: CmlTarget, lab_id: str, work: Callable[[Machine, SimulatedLab], None]
    ) -> None:
        try:
            await self._with(target, lab_id, work)
        except OutsideNotFound:
            return

    async def wipe(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""

        def change(_: Machine, lab: SimulatedLab) -> None:
            self._at_rest(lab)
            lab.state, lab.settled_at = LabState.DEFINED, None

        await self._gone_is_fine(target, lab_id, change)

    async def delete(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""

        def change(machine: Machine, lab: SimulatedLab) -> None:
            if lab.state is not LabState.DEFINED:
                raise OutsideRefused(CML, f"lab {lab_id} is {lab.state}; wipe it first")
            del machine.labs[lab_id]

        await self._gone_is_fine(target, lab_id, change)

    def _at_rest(self, lab: SimulatedLab) -> None:
        moving = lab.settled_at is not None and self._now() < lab.settled_at
        if lab.state is LabState.STARTED or moving:
            raise OutsideRefused(CML, f"nodes of lab {lab.id} still run")

    async def converged(self, target: CmlTarget, lab_id: str) -> bool:
        """See ``CmlLabs``."""
        return await self._with(
            target, lab_id, lambda _, lab: lab.settled_at is None or self._now() >= lab.settled_at, asks=True
        )

    async def nodes(self, target: CmlTarget, lab_id: str, *, with_configurations: bool = False) -> Sequence[NodeInfo]:
        """See ``CmlLabs``."""

        def read(_: Machine, lab: SimulatedLab) -> list[NodeInfo]:
            return [
                replace(
                    node,
                    state=lab.node_state(node.label, self._now()),
                    files=node.files if with_configurations else {},
                )
                for node in lab.nodes
            ]

        return await self._with(target, lab_id, read, asks=True)

    async def _change_node(self, target: CmlTarget, lab_id: str, node_id: str, **changes: object) -> None:
        def change(_: Machine, lab: SimulatedLab) -> None:
            lab.nodes = [
                replace(node, **changes) if node.id == node_id else node for node in lab.nodes  # type: ignore[arg-type]
            ]

        await self._with(target, lab_id, change)

    async def retag(self, target: CmlTarget, lab_id: str, node_id: str, tags: Sequence[str]) -> None:
        """See ``CmlLabs``."""
        await self._change_node(target, lab_id, node_id, tags=tuple(tags))

    async def configure(self, target: CmlTarget, lab_id: str, node_id: str, files: Mapping[str, str]) -> None:
        """See ``CmlLabs``."""
        await self._change_node(target, lab_id, node_id, files=dict(files))

    async def extract(self, target: CmlTarget, lab_id: str, node_id: str) -> None:
        """See ``CmlLabs``."""
        await self._with(target, lab_id, lambda machine, lab: None)

    async def files(self, target: CmlTarget, lab_id: str, node_id: str) -> Mapping[str, str]:
        """See ``CmlLabs``."""
        nodes = await self.nodes(target, lab_id, with_configurations=True)
        return next(node.files for node in nodes if node.id == node_id)

    async def console_log(self, target: CmlTarget, lab_id: str, node_id: str, line: int = 0) -> str:
        """See ``CmlLabs``."""
        return await self._with(target, lab_id, lambda machine, lab: f"{node_id} line {line} is up\n")

    async def loads(self, target: CmlTarget, lab_id: str) -> Sequence[NodeLoad]:
        """See ``CmlLabs``."""
        return await self._with(target, lab_id, lambda _, lab: [NodeLoad(node.label, 5.0, 256.0) for node in lab.nodes])

    async def export(self, target: CmlTarget, lab_id: str) -> str:
        """See ``CmlLabs``."""
        return await self._with(target, lab_id, lambda _, lab: f"lab: {{title: {lab.title}}}\n")

    async def forget(self, worker_id: str) -> None:
        """See ``CmlLabs``."""


class StoreView:
    """Implements ``ContentStore`` over a dictionary that every process shares."""

    def __init__(self, objects: dict[tuple[str, str], bytes], connection: Connection) -> None:
        self._objects = objects
        self._connection = connection

    async def ensure_bucket(self, bucket: str) -> None:
        """See ``ContentStore``."""
        await self._connection.call(lambda: None)

    async def expire(self, bucket: str, prefix: str, days: int) -> None:
        """See ``ContentStore``; no run lasts for days."""
        del bucket, prefix, days
        await self._connection.call(lambda: None)

    async def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
        """See ``ContentStore``."""
        del content_type
        await self._connection.call(lambda: self._objects.__setitem__((bucket, key), content))

    async def get(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        """See ``ContentStore``."""

        def read() -> bytes:
            if (bucket, key) not in self._objects:
                raise OutsideNotFound(S3, f"{bucket} holds no {key}")
            if len(self._objects[bucket, key]) > limit_bytes:
                raise OutsideRefused(S3, f"{key} is too large")
            return self._objects[bucket, key]

        return await self._connection.call(read)

    async def exists(self, bucket: str, key: str) -> bool:
        """See ``ContentStore``."""
        return await self._connection.call(lambda: (bucket, key) in self._objects)

    async def list(self, bucket: str, prefix: str, limit: int) -> Sequence[StoredObject]:
        """See ``ContentStore``; every object is as old as the run."""

        def read() -> Sequence[StoredObject]:
            found = [
                StoredObject(key, hashlib.sha256(content).hexdigest(), len(content), START)
                for (held, key), content in self._objects.items()
                if held == bucket and key.startswith(prefix) and "/" not in key[len(prefix) :]
            ]
            return found[:limit]

        return await self._connection.call(read)
