"""Ten thousand events, repeated, shuffled, forged and unknown ones among them, alone and in batches: each has its
effect once. ``make bench BENCH=lablet`` sends them at a thousand a second.
"""

import asyncio
import json
import random
import uuid

import pytest
from lablet_rig import Rig
from lablet_samples import two_routers
from test_event_intake import BATCH, STRUCTURED, Sender, event

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = SessionPhase
SESSIONS, EVENTS, ALONE, PER_REQUEST = 6, 10_000, 500, 100


async def test_a_storm_has_each_effect_once(rig: Rig) -> None:
    sender = Sender(rig)
    definition, worker = await rig.define(two_routers(), graded=False), await rig.worker()
    sessions = [await rig.start(definition, worker) for _ in range(SESSIONS)]
    for session in sessions:
        await rig.reach(session.id, P.READY)
    kinds = ("lds.session.started.v1", "lds.session.paused.v1", "lds.session.ended.v1")
    real = [event(kind, session.id) for session in sessions for kind in kinds]
    noise = [event(kinds[0], uuid.uuid4().hex) for _ in range(200)]
    dice = random.Random(7)
    storm = [dice.choice(real + noise) for _ in range(EVENTS - len(real))] + real
    dice.shuffle(storm)
    requests = [(json.dumps(one).encode(), STRUCTURED) for one in storm[:ALONE]]
    batches = range(ALONE, EVENTS, PER_REQUEST)
    requests += [(json.dumps(storm[start : start + PER_REQUEST]).encode(), BATCH) for start in batches]
    dice.shuffle(requests)
    gate = asyncio.Semaphore(8)
    forged = 0

    async def deliver(body: bytes, media: str) -> int:
        nonlocal forged
        async with gate:
            if dice.random() < 0.2:
                answer = await sender.send(body, media, sender.signed(body, secret="not the secret"))
                forged += answer.status_code == 401
            while True:
                answer = await sender.send(body, media)
                if answer.status_code not in (429, 503):
                    return answer.status_code
                await asyncio.sleep(0.1)

    answers = await asyncio.gather(*(deliver(body, media) for body, media in requests))

    assert set(answers) == {202}
    assert forged > 0
    for session in sessions:
        ended = await rig.reach(session.id, P.TERMINATED, within=60)
        assert ended.status.outcome is SessionOutcome.COMPLETED
        phases = [change.phase for change in ended.status.history]
        assert (phases.count(P.RUNNING), phases.count(P.STOPPING)) == (1, 1)
        assert len({signal.event_id for signal in ended.status.signals}) == len(ended.status.signals) <= 3
