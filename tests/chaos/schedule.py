"""Which fault strikes when: a pure function of the seed. Times are real seconds from the beginning of the run."""

import random
from dataclasses import dataclass
from enum import StrEnum

LEASE_SECONDS = 5
REPLICATED = ("control-plane", "resource-scheduler", "worker-controller", "lablet-controller")
SERVICES = tuple(name for service in REPLICATED for name in (service, f"{service}-2"))
SIMULATORS = ("cml", "ec2", "lds", "grading", "identity")
FAILPOINTS = {
    "control-plane": (
        "before-commit",
        "after-commit",
        "after-claim",
        "before-release",
        "before-projection",
        "after-projection",
        "after-events",
        "after-pull",
        "after-inbound",
    ),
    "lablet-controller": (
        "lab.imported",
        "lab.started",
        "delivery.created",
        "evidence.stored",
        "grading.submitted",
        "score.stored",
        "delivery.released",
        "lab.removed",
    ),
    "worker-controller": (
        "launch.before-intent",
        "launch.intended",
        "launch.called",
        "launch.reported",
        "license.before-call",
        "license.called",
        "license.before-return",
        "license.returned",
        "terminate.before-call",
        "terminate.called",
        "worker.ended",
    ),
}
"""Points of each service at which it can be made to die; the tests compare them with the services' own lists."""


class FaultKind(StrEnum):
    """What can go wrong."""

    KILL = "kill"
    FREEZE = "freeze"
    FAILPOINT = "failpoint"
    ETCD_KILL = "etcd-kill"
    ETCD_COMPACT = "etcd-compact"
    ETCD_WIPE = "etcd-wipe"
    DATABASE_KILL = "database-kill"
    SIMULATOR_KILL = "simulator-kill"
    CML_ERRORS = "cml-errors"
    CML_HANG = "cml-hang"
    CML_RESTART = "cml-restart"
    EC2_THROTTLE = "ec2-throttle"
    EC2_LOST_ANSWERS = "ec2-lost-answers"
    EC2_LAUNCH_FAILURE = "ec2-launch-failure"
    EC2_INSTANCE_DIES = "ec2-instance-dies"
    LDS_DOWN = "lds-down"
    LDS_LOST_ANSWERS = "lds-lost-answers"
    GRADING_DOWN = "grading-down"
    GRADING_JOBS_FAIL = "grading-jobs-fail"
    ANSWERS_LOST = "answers-lost"
    EVENTS_DISTURBED = "events-disturbed"
    EVENTS_FORGED = "events-forged"
    REDIS_FLUSH = "redis-flush"
    REDIS_KILL = "redis-kill"
    CLOCK_JUMP = "clock-jump"
    DISK_FULL = "disk-full"


_WEIGHTS = {
    FaultKind.KILL: 6.0,
    FaultKind.FREEZE: 3.0,
    FaultKind.FAILPOINT: 4.0,
    FaultKind.SIMULATOR_KILL: 2.0,
    FaultKind.ANSWERS_LOST: 2.0,
    FaultKind.EVENTS_DISTURBED: 2.0,
    FaultKind.EVENTS_FORGED: 0.5,
    FaultKind.CLOCK_JUMP: 0.5,
}
_MEAN_GAP = 2.2
_FIRST = 2.0
_LAST_BEFORE_END = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong at ``at`` and is over ``seconds`` later. ``detail`` is the point of a failpoint, or
    where the clock jumps to.
    """

    at: float
    kind: FaultKind
    target: str
    seconds: float
    detail: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} {self.target} {self.detail}".strip()
        return f"{self.at:5.1f} s  {what} for {self.seconds:.1f} s"


def schedule(seed: int, duration: float) -> list[Fault]:
    """The faults of a run, in order.

    Each run leaves out a third of the kinds, so that the rest meets more often: some bugs show only where one fault
    is not hidden by another.
    """
    dice = random.Random(f"faults/{seed}")
    kinds = [kind for kind in FaultKind if kind is FaultKind.KILL or dice.random() < 0.67]
    weights = [_WEIGHTS.get(kind, 1.0) for kind in kinds]
    faults: list[Fault] = []
    at = _FIRST + dice.random()
    while at < duration - _LAST_BEFORE_END:
        (kind,) = dice.choices(kinds, weights)
        faults.append(_fault(dice, at, kind))
        at += dice.expovariate(1 / _MEAN_GAP)
    return faults


def _fault(dice: random.Random, at: float, kind: FaultKind) -> Fault:
    brief = dice.uniform(0.1, 3.0)
    match kind:
        case FaultKind.KILL:
            return Fault(at, kind, dice.choice(SERVICES), brief)
        case FaultKind.FREEZE:
            return Fault(at, kind, dice.choice(SERVICES), LEASE_SECONDS + dice.uniform(0.5, 4.0))
        case FaultKind.FAILPOINT:
            service = dice.choice(list(FAILPOINTS))
            # The control plane passes its points many times a second, the controllers a few times in a run.
            passes = dice.randint(1, 40 if service == "control-plane" else 2)
            point = f"{dice.choice(FAILPOINTS[service])}:{passes}"
            return Fault(at, kind, dice.choice([service, f"{service}-2"]), dice.uniform(6.0, 12.0), point)
        case FaultKind.ETCD_KILL | FaultKind.ETCD_WIPE | FaultKind.ETCD_COMPACT:
            return Fault(at, kind, "etcd", brief)
        case FaultKind.DATABASE_KILL:
            return Fault(at, kind, "database", brief)
        case FaultKind.SIMULATOR_KILL:
            return Fault(at, kind, dice.choice(SIMULATORS), brief)
        case FaultKind.CLOCK_JUMP:
            return Fault(at, kind, "clock", 0.0, dice.choice(["forward", "back"]))
        case _:
            return Fault(at, kind, kind.split("-", maxsplit=1)[0], dice.uniform(2.0, 6.0))
