"""The machines of the simulated EC2, and the CML on each. All times are domain time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lcm_core.spi.cml_labs import LabInfo, LabState, NodeInfo, NodeState
from lcm_core.spi.cml_system import License, Registration
from lcm_core.spi.ec2 import Instance, InstanceState, LaunchRequest
from lcm_core.topology import parse_topology

CML_VERSION = "2.8.1"
SHOWN_AFTER_END = timedelta(hours=1)


class Violation(AssertionError):
    """Something happened that must never happen; the message is the counter-example in one sentence."""


@dataclass(slots=True)
class SimulatedLab:
    """One lab of a CML."""

    id: str
    title: str
    notes: str
    nodes: list[NodeInfo]
    state: LabState = LabState.DEFINED
    settled_at: datetime | None = None
    broken_node: str = ""

    def info(self) -> LabInfo:
        """As CML lists it."""
        return LabInfo(self.id, self.title, self.notes, self.state, len(self.nodes))

    def ports(self) -> set[str]:
        """Port tags of its nodes."""
        return {tag for node in self.nodes for tag in node.tags if ":" in tag}

    def node_state(self, label: str, now: datetime) -> NodeState:
        """State of a node now."""
        moving = self.settled_at is not None and now < self.settled_at
        if self.state is LabState.STARTED:
            if moving:
                return NodeState.STARTING
            return NodeState.STOPPED if label == self.broken_node else NodeState.BOOTED
        if moving:
            return NodeState.STARTED
        return NodeState.DEFINED if self.state is LabState.DEFINED else NodeState.STOPPED


@dataclass(slots=True)
class Machine:
    """One instance and what runs on it."""

    instance: Instance
    token: str
    changes_at: datetime
    ready_at: datetime
    ended_at: datetime | None = None
    labs: dict[str, SimulatedLab] = field(default_factory=dict)
    license: License = field(default_factory=lambda: License(Registration.NOT_REGISTERED, "EVAL", "CML_Enterprise"))
    licensed_at: datetime | None = None


class Machines:
    """Every machine there ever was. Launching is idempotent by token, as with EC2."""

    def __init__(self, seed: int, now: Callable[[], datetime]) -> None:
        self.chance = random.Random(f"{seed}/machines")
        self.now = now
        self.by_id: dict[str, Machine] = {}
        self.shortage = False
        self.faulty = 0.0
        self.launched = 0
        self.report: Callable[[Violation], None] = raised
        self._labs = 0

    # EC2 -------------------------------------------------------------------------------------------------------

    def seen(self) -> list[Instance]:
        """Every instance as EC2 shows it now."""
        return [self.settled(machine).instance for machine in list(self.by_id.values())]

    def settled(self, machine: Machine) -> Machine:
        """Carry out the change of state that is due."""
        now, state = self.now(), machine.instance.state
        if now >= machine.changes_at:
            following = {
                InstanceState.PENDING: InstanceState.RUNNING,
                InstanceState.STOPPING: InstanceState.STOPPED,
                InstanceState.SHUTTING_DOWN: InstanceState.TERMINATED,
            }.get(state)
            if following is not None:
                self._become(machine, following)
        if machine.ended_at is not None and now > machine.ended_at + SHOWN_AFTER_END:
            del self.by_id[machine.instance.instance_id]
        return machine

    def _become(self, machine: Machine, state: InstanceState, seconds: float = 0.0) -> None:
        machine.instance = replace(machine.instance, state=state)
        machine.changes_at = self.now() + timedelta(seconds=seconds)
        if state is InstanceState.RUNNING:
            machine.ready_at = machine.changes_at + timedelta(seconds=self.chance.uniform(120, 300))
        if state is InstanceState.TERMINATED:
            machine.ended_at = self.now()

    def launch(self, request: LaunchRequest) -> Instance:
        """The instance of the token, made now unless it was before."""
        for machine in self.by_id.values():
            if machine.token == request.client_token:
                return self.settled(machine).instance
        worker_id = request.tags.get("lcm:worker-id", "")
        for machine in self.by_id.values():
            if machine.instance.worker_id == worker_id and self.settled(machine).instance.state.live:
                text = f"worker {worker_id} was given a second instance beside {machine.instance.instance_id}"
                self.report(Violation(text))
        self.launched += 1
        instance_id, address = f"i-{self.launched:08x}", f"127.20.{self.launched // 250}.{self.launched % 250 + 1}"
        instance = Instance(
            instance_id=instance_id,
            region=request.region,
            state=InstanceState.PENDING,
            instance_type=request.instance_type,
            image_id=request.image_id,
            private_ip=address,
            public_ip=address,
            launched_at=self.now(),
            tags={**request.tags, "lcm:endpoint": f"https://{address}:443"},
        )
        machine = Machine(instance, request.client_token, self.now(), self.now())
        self._become(machine, InstanceState.PENDING, self.chance.uniform(20, 90))
        self.by_id[instance_id] = machine
        return machine.instance

    def start(self, machine: Machine) -> None:
        """Start a stopped instance."""
        if machine.instance.state is InstanceState.STOPPED:
            self._become(machine, InstanceState.PENDING, self.chance.uniform(20, 60))

    def stop(self, machine: Machine) -> None:
        """Stop an instance; its labs stop with it."""
        if machine.instance.state in (InstanceState.RUNNING, InstanceState.PENDING):
            self._become(machine, InstanceState.STOPPING, self.chance.uniform(20, 120))
            self._labs_stop(machine)

    def terminate(self, machine: Machine) -> None:
        """Destroy an instance and everything on it."""
        if machine.instance.state.live:
            self._become(machine, InstanceState.SHUTTING_DOWN, self.chance.uniform(20, 120))
            machine.labs.clear()

    def die(self, machine: Machine) -> None:
        """The hardware fails: EC2 terminates the instance."""
        self._become(machine, InstanceState.TERMINATED)
        machine.labs.clear()

    def reboot(self, machine: Machine, seconds: float) -> None:
        """CML restarts: it answers again after a while, with every lab stopped."""
        machine.ready_at = self.now() + timedelta(seconds=seconds)
        self._labs_stop(machine)

    @staticmethod
    def _labs_stop(machine: Machine) -> None:
        for lab in machine.labs.values():
            if lab.state is LabState.STARTED:
                lab.state, lab.settled_at = LabState.STOPPED, None

    # CML -------------------------------------------------------------------------------------------------------

    def at(self, endpoint: str) -> Machine | None:
        """The machine at an address, None when nothing listens there."""
        for machine in list(self.by_id.values()):
            if machine.instance.endpoint == endpoint:
                if self.settled(machine).instance.state is InstanceState.RUNNING:
                    return machine
                return None
        return None

    def usable(self, machine: Machine) -> bool:
        """Whether its CML has booted."""
        return self.now() >= machine.ready_at

    def new_lab(self, machine: Machine, text: str) -> SimulatedLab:
        """Make a lab of a topology."""
        self._labs += 1
        topology = parse_topology(text)
        nodes = [
            NodeInfo(f"n{index}", node.label, node.node_definition, NodeState.DEFINED, node.tags, files=node.files)
            for index, node in enumerate(topology.nodes)
        ]
        lab = SimulatedLab(f"lab-{self._labs:06d}", topology.title, topology.notes, nodes)
        machine.labs[lab.id] = lab
        return lab

    def start_lab(self, machine: Machine, lab: SimulatedLab) -> None:
        """Boot every node; two running labs on one machine must not claim one port."""
        if lab.state is LabState.STARTED:
            return
        for other in machine.labs.values():
            shared = lab.ports() & other.ports()
            if other is not lab and other.state is LabState.STARTED and shared:
                text = f"labs {lab.title!r} and {other.title!r} run on {machine.instance.instance_id} and share "
                self.report(Violation(text + ", ".join(sorted(shared))))
        lab.state = LabState.STARTED
        lab.settled_at = self.now() + timedelta(seconds=self.chance.uniform(30, 240))
        bad = self.faulty and self.chance.random() < self.faulty
        lab.broken_node = self.chance.choice(lab.nodes).label if bad else ""

    def stop_lab(self, lab: SimulatedLab) -> None:
        """Switch every node off."""
        if lab.state is LabState.STARTED:
            lab.state = LabState.STOPPED
            lab.settled_at = self.now() + timedelta(seconds=self.chance.uniform(2, 20))


def raised(violation: Violation) -> None:
    raise violation
