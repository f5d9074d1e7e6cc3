"""A storm of inbound events: a thousand a second for ten seconds, single ones and batches, with all that goes wrong.

Run with ``python tests/benchmarks/lablet_events.py``; it takes a minute. Real events are doubled and shuffled, and
some come before their session is placed; others are of unknown sessions and types, forged, too large, or of a source
that floods. It fails when one has an effect that is wrong, or is not answered as it should be.
"""

import asyncio
import hashlib
import hmac
import json
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from plane import percentile
from rows import Row, publish

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "src" / "lablet-controller" / "tests"))

from lablet_rig import Rig  # noqa: E402
from lablet_samples import two_routers  # noqa: E402

from lcm_core.contracts.sessions import SessionView  # noqa: E402
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase  # noqa: E402
from lcm_simulators.world import World  # noqa: E402

EVENTS, SECONDS, PER_BATCH, SINGLES_OF_TEN = 10_000, 10.0, 50, 4
READY_BEFORE, PLACED_LATER = 8, 4
CONNECTIONS = 16
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
KINDS = ("lds.session.started.v1", "lds.session.paused.v1", "lds.session.ended.v1")
PARTS = ("lablet-controller", "ec2", "cml", "lds", "grading")


@dataclass
class Answers:
    """What came of the requests by what was wrong with them, and how long the good ones took."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def took(self, what: str, status: int, seconds: float) -> None:
        """One answer."""
        self.statuses.setdefault(what, Counter())[status] += 1
        if what == "good":
            self.seconds.append(seconds)


class Wire:
    """Kept-alive connections that sign what they send and tell the status."""

    def __init__(self, address: str, secret: str) -> None:
        self._host, _, port = address.partition(":")
        self._port = int(port)
        self._secret = secret.encode()
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self, count: int) -> None:
        """Connect."""
        for _ in range(count):
            self._idle.put_nowait(await asyncio.open_connection(self._host, self._port))

    async def send(self, body: bytes, media: str, *, forged: bool = False) -> int:
        """The status of the answer."""
        stamp = str(int(time.time()))
        secret = b"somebody else's" if forged else self._secret
        digest = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /events HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {media}\r\nX-LCM-Timestamp: {stamp}\r\n"
            f"X-LCM-Signature: v1={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await self._idle.get()
        try:
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0"
            await reader.readexactly(int(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            # A request that is too large may be cut off; the status still counts, the connection does not.
            reader, writer = await asyncio.open_connection(self._host, self._port)
            return 0
        finally:
            self._idle.put_nowait((reader, writer))
        return int(answer[9:12])


def event(kind: str, session_id: str, source: str = "/lds/us-east-1") -> dict[str, object]:
    """An event of the delivery system."""
    return {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": source,
        "type": kind,
        "subject": session_id,
        "data": {"auth_id": session_id},
    }


def storm(sessions: list[SessionView], dice: random.Random) -> list[dict[str, object]]:
    """Each real event a few times, among others that must change nothing, in no order."""
    real = [event(kind, session.id, f"/lds/{index % 4}") for index, session in enumerate(sessions) for kind in KINDS]
    unknown = [event(KINDS[0], uuid.uuid4().hex, f"/lds/{number % 4}") for number in range(400)]
    foreign = [event("somebody.else.happened", sessions[0].id, f"/lds/{number % 4}") for number in range(100)]
    drawn = [dice.choice((*real, *unknown, *foreign)) for _ in range(EVENTS - len(real))] + real
    dice.shuffle(drawn)
    return drawn


def requests(events: list[dict[str, object]], dice: random.Random) -> Iterator[tuple[bytes, str, int]]:
    """Bodies with their media type and number of events; four of ten events travel alone."""
    rest = iter(events)
    while chunk := [each for _, each in zip(range(PER_BATCH), rest, strict=False)]:
        alone = [each for each in chunk if dice.random() * 10 < SINGLES_OF_TEN]
        together = [each for each in chunk if each not in alone]
        for each in alone:
            yield json.dumps(each).encode(), STRUCTURED, 1
        if together:
            yield json.dumps(together).encode(), BATCH, len(together)


async def blow(wire: Wire, events: list[dict[str, object]], answers: Answers, dice: random.Random) -> float:
    """Send at the pace; the seconds until the last good event was acknowledged."""
    begun, sent, running = time.monotonic(), 0, set[asyncio.Task[None]]()

    async def one(what: str, body: bytes, media: str, *, forged: bool = False) -> None:
        before = time.monotonic()
        answers.took(what, await wire.send(body, media, forged=forged), time.monotonic() - before)

    def launch(work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        running.add(task)
        task.add_done_callback(running.discard)

    for body, media, count in requests(events, dice):
        pause = begun + sent / (EVENTS / SECONDS) - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        launch(one("good", body, media))
        if dice.random() < 0.05:
            launch(one("forged", body, media, forged=True))
        sent += count
    while running:
        await asyncio.wait(set(running))
    return time.monotonic() - begun


async def ended_once(rig: Rig, sessions: list[SessionView]) -> list[str]:
    """What is wrong with the effects, empty when each session was started and ended once."""
    faults = []
    for session in sessions:
        ended = await rig.reach(session.id, SessionPhase.TERMINATED, within=60)
        phases = [change.phase for change in ended.status.history]
        if (phases.count(SessionPhase.RUNNING), phases.count(SessionPhase.STOPPING)) != (1, 1):
            faults.append(f"{session.id} went through {phases}")
        if ended.status.outcome is not SessionOutcome.COMPLETED:
            faults.append(f"{session.id} ended as {ended.status.outcome}: {ended.status.message}")
    return faults


async def measure(rig: Rig) -> tuple[list[Row], list[str]]:
    """The figures, and what is wrong."""
    dice, answers = random.Random(7), Answers()
    secret = rig.world.settings.secret("LCM_CLOUDEVENTS_SECRET")
    wire = Wire(rig.world.url("lablet-controller").removeprefix("http://"), secret)
    await wire.open(CONNECTIONS)
    definition, machine = await rig.define(two_routers(), graded=False), await rig.worker()
    ready = [await rig.start(definition, machine) for _ in range(READY_BEFORE)]
    for session in ready:
        await rig.reach(session.id, SessionPhase.READY)
    waiting = [await rig.reserve(definition) for _ in range(PLACED_LATER)]
    events = storm([*ready, *waiting], dice)
    elapsed = await blow(wire, events, answers, dice)
    last = time.monotonic()
    for session in waiting:
        await rig.place(session, machine, definition)
    faults = await ended_once(rig, [*ready, *waiting])
    settled = time.monotonic() - last
    flood = json.dumps([event(KINDS[1], "nobody", "/lds/flood") for _ in range(900)]).encode()
    flooding = Counter([await wire.send(flood, BATCH) for _ in range(6)])
    large = await wire.send(b"x" * (1024 * 1024 + 1), STRUCTURED)
    if set(answers.statuses["good"]) != {202}:
        faults.append(f"good events were answered {dict(answers.statuses['good'])}")
    if set(answers.statuses["forged"]) != {401}:
        faults.append(f"forged ones were answered {dict(answers.statuses['forged'])}")
    if not flooding[429] or set(flooding) - {202, 429}:
        faults.append(f"a flood was answered {dict(flooding)}")
    if large not in (413, 0):
        faults.append(f"a request that is too large was answered {large}")
    rows = [
        Row("events: stored a second for 10 s, single and in batches", EVENTS / elapsed, "1/s", 950.0, better="higher"),
        Row("events: request → acknowledged, p50", percentile(answers.seconds, 0.5) * 1000, "ms"),
        Row("events: request → acknowledged, p99", percentile(answers.seconds, 0.99) * 1000, "ms"),
        Row("events: wrong effects of 10,000 doubled, early, forged, unknown", float(len(faults)), "faults", 0.0),
        Row("events: last one stored → 12 sessions cleaned up", settled, "s"),
    ]
    return rows, faults


async def main() -> int:
    """Measure and publish."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(
            Path(folder), ports="ephemeral", clock_factor=1.0, boot_scale=0.0, only=PARTS, report=lambda _: None
        )
        async with world, Rig(world, AsyncExitStack()) as rig:
            rows, faults = await measure(rig)
    publish(rows)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
