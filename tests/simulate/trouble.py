"""Faults: which, when and for how long, drawn from the seed."""

import asyncio
import random
from collections.abc import Callable

from lcm_core.domain.vocabulary import ServiceName
from lcm_core.spi.ec2 import InstanceState
from tests.simulate.history import History
from tests.simulate.machines import Machine
from tests.simulate.network import Fate, Spell
from tests.simulate.world import SERVICES, World

REMOTES = ("database", "etcd", "control plane", "EC2", "CML", "LDS", "grading", "S3")
FATES = (Fate.REFUSED, Fate.REFUSED, Fate.LOST_ANSWER, Fate.LATE, Fate.SLOW)


class Trouble:
    """Makes faults one after the other, and mends what it broke."""

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._history = history
        self._chance = random.Random(f"{world.seed}/trouble")
        self._mending: list[asyncio.Task[None]] = []
        self._jumped = False
        self.made = 0

    async def make(self, hours: float) -> None:
        """Make faults for so many hours of domain time."""
        chance, world = self._chance, self._world
        loop = asyncio.get_running_loop()
        end = loop.time() + hours * 3600 / world.clock.factor
        world.weather.background = chance.choice((0.0, 0.002, 0.01, 0.03))
        world.weather.astray = chance.choice((0.0, 0.5, 1.0))
        world.meddling.share = chance.choice((0.0, 0.05, 0.15))
        world.post.loss = chance.choice((0.0, 0.1, 0.4))
        world.machines.faulty = chance.choice((0.0, 0.0, 0.1))
        world.engine.failing = chance.choice((0.0, 0.0, 0.3))
        pause = chance.choice((3.0, 8.0, 20.0))
        faults: tuple[Callable[[], str], ...] = (
            self._bad_weather,
            self._bad_weather,
            self._bad_weather,
            self._kill_replica,
            self._kill_replica,
            self._stick_replica,
            self._kill_plane,
            self._break_watches,
            self._compact,
            self._wipe,
            self._machine_dies,
            self._machine_reboots,
            self._shortage,
            self._clock_jumps,
        )
        while loop.time() < end:
            await asyncio.sleep(chance.expovariate(1 / pause))
            self.made += 1
            self._history.tell(f"fault: {chance.choice(faults)()}")

    def end(self) -> None:
        """Fair weather; what is broken gets mended."""
        world = self._world
        world.weather.clear()
        world.meddling.share = 0.0
        world.post.loss = world.machines.faulty = world.engine.failing = 0.0
        world.machines.shortage = False
        self._history.tell("faults are over")

    def _later(self, seconds: float, mend: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            mend()

        self._mending.append(asyncio.create_task(wait()))

    def _bad_weather(self) -> str:
        remote, fate = self._chance.choice(REMOTES), self._chance.choice(FATES)
        share, seconds = self._chance.choice((0.2, 0.5, 1.0)), self._chance.uniform(0.5, 15.0)
        until = asyncio.get_running_loop().time() + seconds
        self._world.weather.spell(remote, Spell(until, fate, share))
        return f"{share:.0%} of the calls to {remote} are {fate} for {seconds:.1f} s"

    def _kill_replica(self) -> str:
        service, place = self._chance.choice(SERVICES), self._chance.choice("ab")
        replica = self._world.replicas[f"{service}/{place}"]
        if not replica.alive:
            return f"{service}/{place} is dead already"
        replica.kill()
        seconds = self._chance.choice((0.0, 2.0, 12.0))
        self._later(seconds, lambda: self._start_replica(service, place))
        return f"{replica.identity} is killed and started again after {seconds:g} s"

    def _start_replica(self, service: ServiceName, place: str) -> None:
        self._world.start_replica(service, place)

    def _stick_replica(self) -> str:
        service, place = self._chance.choice(SERVICES), self._chance.choice("ab")
        seconds = self._chance.uniform(1.0, 10.0)
        replica = self._world.replicas[f"{service}/{place}"]
        replica.stick(asyncio.get_running_loop().time() + seconds)
        return f"what {replica.identity} sends arrives up to {seconds:.1f} s late"

    def _clock_jumps(self) -> str:
        if self._jumped:
            return "the clock goes on"
        self._jumped = True
        minutes = self._chance.uniform(5, 60)
        self._world.clock.jump(minutes * 60)
        return f"domain time jumps {minutes:.0f} minutes ahead"

    def _kill_plane(self) -> str:
        number = self._chance.choice(sorted(self._world.planes))
        plane = self._world.planes[number]
        if not plane.alive:
            return f"control plane {number} is dead already"
        plane.kill()
        seconds = self._chance.choice((0.0, 1.0, 8.0))
        self._later(seconds, lambda: self._world.start_plane(number))
        return f"control plane {number} is killed and started again after {seconds:g} s"

    def _break_watches(self) -> str:
        self._world.etcd.break_watches(0.5)
        return "half of the watches break"

    def _compact(self) -> str:
        self._world.etcd.compact()
        self._world.etcd.break_watches(1.0)
        return "etcd is compacted and every watch breaks"

    def _wipe(self) -> str:
        self._world.etcd.wipe()
        return "etcd is wiped"

    def _some_machine(self) -> Machine | None:
        running = [
            machine
            for machine in self._world.machines.by_id.values()
            if machine.instance.state is InstanceState.RUNNING
        ]
        return self._chance.choice(running) if running else None

    def _machine_dies(self) -> str:
        machine = self._some_machine()
        if machine is None or self._chance.random() < 0.5:
            return "no machine dies"
        self._world.machines.die(machine)
        return f"machine {machine.instance.instance_id} dies"

    def _machine_reboots(self) -> str:
        machine = self._some_machine()
        if machine is None:
            return "no machine reboots"
        seconds = self._chance.uniform(30, 1200)
        self._world.machines.reboot(machine, seconds)
        return f"CML on {machine.instance.instance_id} restarts for {seconds:.0f} s of domain time"

    def _shortage(self) -> str:
        self._world.machines.shortage = True
        seconds = self._chance.uniform(1, 20)
        self._later(seconds, self._relieve)
        return f"EC2 has no machines for {seconds:.1f} s"

    def _relieve(self) -> None:
        self._world.machines.shortage = False
