"""Carries out a schedule of faults, and puts everything right at the end."""

import asyncio
import hashlib
import hmac
import json
import random
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx

from lcm_core.etcd import EtcdError
from lcm_simulators.embedded.process import ServerStartError
from lcm_simulators.world import World
from tests.chaos.gateway import Gateway
from tests.chaos.history import History
from tests.chaos.machine import STORES, Machine, jump_clock
from tests.chaos.picture import Viewer
from tests.chaos.schedule import Fault, FaultKind

Act = Callable[[Fault], Awaitable[None]]
_FAULTY = ("cml", "ec2", "lds", "grading")
_SENDERS = ("lds", "grading")
_SERVER_ERROR, _AWAY = 500, 503
_START_SECONDS = 30.0
HEAL_SECONDS = 60.0
"""How long processes may take to be healthy after the faults, on a machine that is busy starting them."""
FORGED = "forged-"
"""Begin of the ids of events that the adversary invents."""


class Adversary:
    """Does harm to one world.

    A process that one fault has taken down is left alone by the others until it is back.
    """

    def __init__(
        self,
        world: World,
        viewer: Viewer,
        machine: Machine,
        planes: Gateway,
        events: Gateway,
        history: History,
        seed: int,
    ) -> None:
        self._world = world
        self._viewer = viewer
        self._machine = machine
        self._planes = planes
        self._events = events
        self._history = history
        self._dice = random.Random(f"adversary/{seed}")
        self.lost_instances: set[str] = set()
        """Machines that the adversary has ended: nobody can give their licenses back."""
        self._down: set[str] = set()
        self._armed: set[str] = set()
        self.struck = 0
        self._acts: dict[FaultKind, Act] = {
            FaultKind.KILL: self._kill,
            FaultKind.SIMULATOR_KILL: self._kill,
            FaultKind.ETCD_KILL: self._kill,
            FaultKind.DATABASE_KILL: self._kill,
            FaultKind.FREEZE: self._freeze,
            FaultKind.FAILPOINT: self._failpoint,
            FaultKind.ETCD_COMPACT: self._compact,
            FaultKind.ETCD_WIPE: self._wipe,
            FaultKind.CML_RESTART: self._restart_cml,
            FaultKind.EC2_LAUNCH_FAILURE: self._fail_launches,
            FaultKind.EC2_INSTANCE_DIES: self._end_instance,
            FaultKind.GRADING_JOBS_FAIL: self._fail_jobs,
            FaultKind.ANSWERS_LOST: self._lose_answers,
            FaultKind.EVENTS_DISTURBED: self._disturb_events,
            FaultKind.EVENTS_FORGED: self._forge_event,
            FaultKind.REDIS_FLUSH: lambda _: self._machine.sessions.flush(),
            FaultKind.REDIS_KILL: self._kill_redis,
            FaultKind.CLOCK_JUMP: self._jump_clock,
            FaultKind.DISK_FULL: self._fill_disk,
        }
        impossible = {
            FaultKind.DISK_FULL: not machine.disk.mounted,
            FaultKind.REDIS_FLUSH: not machine.sessions.present,
            FaultKind.REDIS_KILL: not machine.sessions.present,
        }
        self._impossible = {kind for kind, hindered in impossible.items() if hindered}

    async def play(self, faults: list[Fault]) -> None:
        """Let every fault strike at its time; return when the last is over. May be cancelled, then ``heal``."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._strike(fault))

    async def heal(self) -> list[str]:
        """End every fault and have every process up and healthy; complaints about those that are not in time."""
        self._planes.loss = self._events.loss = 0.0
        self._machine.disk.free()
        await self._machine.sessions.start()
        for name in self._world.names:
            self._world.resume(name)
        for name in self._armed:
            self._world.kill(name)
        # moto is never touched, and its own health check takes seconds on a busy machine.
        touched = [name for name in self._world.names if name != "moto"]
        complaints = await asyncio.gather(*(self._back_in_time(name) for name in touched))
        for name in _FAULTY:
            await self._admin(name, "DELETE", "/admin/faults")
        for name in _SENDERS:
            await self._admin(name, "DELETE", "/admin/event-faults")
        await self._admin("grading", "PUT", "/admin/job-faults", [])
        await self._admin("ec2", "PUT", "/admin/world", {})
        self._history.remark("every fault is over")
        return [complaint for complaint in complaints if complaint]

    async def _back_in_time(self, name: str) -> str:
        begun = self._history.now
        try:
            async with asyncio.timeout(HEAL_SECONDS):
                await self._revive(name)
        except TimeoutError:
            return f"{name} is not healthy {HEAL_SECONDS:g} s after the faults: {await self._says(name)}"
        if (took := self._history.now - begun) > 1:
            self._history.remark(f"{name} was healthy again after {took:.1f} s")
        return ""

    async def _says(self, name: str) -> str:
        """What a process answers when it is asked for its health."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
                return (await http.get(f"{self._world.url(name)}/health/ready")).text
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"

    async def _strike(self, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, fault.at - self._history.now))
        if fault.target in self._down:
            return
        if fault.kind in self._impossible:
            self._history.remark(f"left out, this machine does not allow it: {fault}")
            return
        self.struck += 1
        self._history.remark(f"fault: {fault}")
        # The victim may be down already, or what should misbehave may be: then there is nothing to be done to it.
        with suppress(httpx.HTTPError, EtcdError):
            await self._acts.get(fault.kind, self._misbehave)(fault)

    async def _kill(self, fault: Fault) -> None:
        self._down.add(fault.target)
        self._world.kill(fault.target)
        await asyncio.sleep(fault.seconds)
        await self._revive(fault.target)
        self._down.discard(fault.target)

    async def _revive(self, name: str) -> None:
        """Start a process until it is up; a service may refuse to start while a store is away."""
        while True:
            try:
                await self._world.start_process(name)
            except ServerStartError as error:
                self._history.remark(f"{name} did not start: {str(error)[:300]}")
            # A start that was given up half way has left a process that is not healthy yet.
            deadline = time.monotonic() + _START_SECONDS
            while self._world.pid(name) is not None and time.monotonic() < deadline:
                if await self._world.healthy(name, within_seconds=0.1):
                    return
            await asyncio.sleep(0.2)

    async def _freeze(self, fault: Fault) -> None:
        self._down.add(fault.target)
        self._world.pause(fault.target)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            self._world.resume(fault.target)
        self._down.discard(fault.target)

    async def _failpoint(self, fault: Fault) -> None:
        """Start the process anew so that it dies by itself at the point; once it did, or in the end, start it sound."""
        self._down.add(fault.target)
        self._armed.add(fault.target)
        self._world.kill(fault.target)
        with suppress(ServerStartError):
            await self._world.start_process(fault.target, LCM_FAILPOINTS=fault.detail)
        deadline = time.monotonic() + fault.seconds
        while time.monotonic() < deadline and self._world.pid(fault.target) is not None:
            await asyncio.sleep(0.05)
        died = self._world.pid(fault.target) is None
        self._history.remark(f"{fault.target} {'died at' if died else 'never came to'} {fault.detail}")
        self._world.kill(fault.target)
        self._armed.discard(fault.target)
        await self._revive(fault.target)
        self._down.discard(fault.target)

    async def _compact(self, fault: Fault) -> None:
        del fault
        listing = await self._viewer.etcd.list("/lcm/")
        await self._viewer.etcd.compact(listing.revision)

    async def _wipe(self, fault: Fault) -> None:
        self._down.add("etcd")
        self._world.kill("etcd")
        for path in (self._world.data_dir / "etcd").iterdir():
            await asyncio.to_thread(shutil.rmtree, path, True)
        await asyncio.sleep(fault.seconds)
        await self._revive("etcd")
        self._down.discard("etcd")

    async def _fill_disk(self, fault: Fault) -> None:
        """Afterwards start what could not live without a disk."""
        self._down.add(fault.target)
        await self._machine.fill_disk(fault.seconds)
        self._down.discard(fault.target)
        if not await self._viewer.database_writes():
            # mongod ends itself when its storage engine panics; the embedded database stays up and refuses everything.
            self._world.kill("database")
        for name in STORES:
            if self._world.pid(name) is None and name not in self._down:
                self._history.remark(f"{name} has died of the full disk")
                await self._revive(name)

    async def _kill_redis(self, fault: Fault) -> None:
        self._down.add(fault.target)
        await self._machine.kill_redis(fault.seconds)
        self._down.discard(fault.target)

    async def _jump_clock(self, fault: Fault) -> None:
        jump_clock(self._world.clock_file, forward=fault.detail == "forward")

    async def _misbehave(self, fault: Fault) -> None:
        """Faults of calls, which every simulator understands in the same words."""
        instruction: dict[str, object]
        further: list[dict[str, object]] = []
        match fault.kind:
            case FaultKind.CML_HANG:
                instruction = {"kind": "hang", "probability": 0.2, "seconds": 3.0}
            case FaultKind.EC2_THROTTLE:
                instruction = {"kind": "throttle", "probability": 0.6}
            case FaultKind.EC2_LOST_ANSWERS:
                instruction = {"kind": "drop_after_success", "probability": 0.5}
            case FaultKind.LDS_LOST_ANSWERS:
                instruction = {"kind": "drop_after_success", "probability": 0.4}
                # Longer than a caller waits, and than a lease lasts.
                further = [{"kind": "latency", "match": {"method": "POST"}, "seconds": 12.0, "probability": 0.4}]
            case FaultKind.CML_ERRORS:
                instruction = {"kind": "status", "status": _SERVER_ERROR, "probability": 0.4}
            case _:
                instruction = {"kind": "status", "status": _AWAY}
        await self._admin(fault.target, "PUT", "/admin/faults", [instruction, *further])
        await asyncio.sleep(fault.seconds)
        await self._admin(fault.target, "DELETE", "/admin/faults")

    async def _lose_answers(self, fault: Fault) -> None:
        """The platform does what it is told, and nobody learns of it."""
        self._planes.loss = self._events.loss = 0.3
        await asyncio.sleep(fault.seconds)
        self._planes.loss = self._events.loss = 0.0

    async def _restart_cml(self, fault: Fault) -> None:
        controllers = await self._admin("cml", "GET", "/admin/controllers")
        powered = sorted(entry["instance_id"] for entry in controllers if entry["powered"])
        if powered:
            path = f"/admin/controllers/{self._dice.choice(powered)}/restart"
            await self._admin("cml", "POST", path, {"seconds": fault.seconds * 20})

    async def _fail_launches(self, fault: Fault) -> None:
        conditions = {"launch_failures": [{"count": 1}], "consistency_seconds": 1.0, "shortages": [{"count": 1}]}
        await self._admin("ec2", "PUT", "/admin/world", conditions)
        await asyncio.sleep(fault.seconds)
        await self._admin("ec2", "PUT", "/admin/world", {})

    async def _end_instance(self, fault: Fault) -> None:
        del fault
        running = sorted(
            found["instance_id"]
            for found in await self._admin("ec2", "GET", "/admin/instances")
            if found["state"] == "running"
        )
        if running:
            stops, victim = self._dice.random() < 0.5, self._dice.choice(running)
            if not stops:
                self.lost_instances.add(victim)
            await self._admin("ec2", "POST", f"/admin/instances/{victim}/fail", {"stops": stops})

    async def _fail_jobs(self, fault: Fault) -> None:
        kind = self._dice.choice(["fail", "stall"])
        await self._admin("grading", "PUT", "/admin/job-faults", [{"kind": kind, "count": 2}])
        await asyncio.sleep(fault.seconds)
        await self._admin("grading", "PUT", "/admin/job-faults", [])

    async def _disturb_events(self, fault: Fault) -> None:
        sender = self._dice.choice(_SENDERS)
        faults = [
            {"kind": kind, "probability": 0.3, "seconds": 1.5} for kind in ("duplicate", "delay", "forge", "lose")
        ]
        await self._admin(sender, "PUT", "/admin/event-faults", faults)
        await asyncio.sleep(fault.seconds)
        await self._admin(sender, "DELETE", "/admin/event-faults")

    async def _forge_event(self, fault: Fault) -> None:
        """Tell the platform, with a signature of another secret, that somebody's lab is over."""
        del fault
        sessions = await self._admin("lds", "GET", "/admin/sessions")
        running = sorted(session["auth_id"] for session in sessions["items"] if session["state"] == "RUNNING")
        if not running:
            return
        event = {
            "specversion": "1.0",
            "id": f"{FORGED}{self._dice.getrandbits(64):x}",
            "source": "/lds/us-east-1",
            "type": "lds.session.ended.v1",
            "subject": running[0],
            "data": {"auth_id": running[0], "reason": "forged"},
        }
        body, stamp = json.dumps(event).encode(), str(int(time.time()))
        seal = hmac.new(b"not the secret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/cloudevents+json",
            "X-LCM-Timestamp": stamp,
            "X-LCM-Signature": f"v1={seal}",
        }
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.post(f"{self._events.url}/events", content=body, headers=headers)
        self._history.remark(f"a forged event for {running[0]} was answered {answer.status_code}")

    async def _admin(self, name: str, method: str, path: str, body: object = None) -> Any:
        async with httpx.AsyncClient(base_url=self._world.url(name), trust_env=False, timeout=5) as http:
            content = None if body is None else json.dumps(body)
            answer = (await http.request(method, path, content=content)).raise_for_status()
            return answer.json() if answer.content else None
