"""The event intake as a sender reaches it: over HTTP, signed, with a store that remembers what it was given."""

import asyncio
import time
from collections.abc import Mapping

import httpx
from fastapi import FastAPI

from lablet_controller.events.access import SIGNATURE, TIMESTAMP, EventAccess, signature_of
from lablet_controller.events.intake import Intake, SourceRates
from lablet_controller.events.router import events_router
from lcm_core.contracts.sessions import InboundEvent, InboundEventBatch, InboundEventBatchResult
from lcm_core.security.verification import InvalidToken, Principal

SECRET = "shared-with-the-sender"
BODY_LIMIT = 64 * 1024
ANSWERS = frozenset({202, 400, 401, 413, 415, 429})


class _NoTokens:
    """Accepts no token: these senders sign."""

    async def verify(self, token: str) -> Principal:
        """See ``Verifier``."""
        raise InvalidToken(f"{len(token)} characters that are no token")


def send(headers: Mapping[str, str], body: bytes, *, forged: bool = False) -> tuple[int, list[InboundEvent]]:
    """The answer to one request, and what was stored."""
    return asyncio.run(_send(headers, body, forged))


async def _send(headers: Mapping[str, str], body: bytes, forged: bool) -> tuple[int, list[InboundEvent]]:
    stored: list[InboundEvent] = []

    async def store(batch: InboundEventBatch) -> InboundEventBatchResult:
        stored.extend(batch.items)
        return InboundEventBatchResult(items=[])

    intake = Intake(store, writers=1)
    app = FastAPI()
    app.include_router(events_router(EventAccess(SECRET, 300, _NoTokens()), intake, SourceRates(1000), BODY_LIMIT))
    stamp = str(int(time.time()))
    signed = {TIMESTAMP: stamp, SIGNATURE: signature_of("guessed" if forged else SECRET, stamp, body)}
    sent = [(name.encode(), value.encode("latin-1", "replace")) for name, value in {**headers, **signed}.items()]
    writing = asyncio.create_task(intake.run())
    try:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://lcm.example") as http:
            answer = await http.post("/events", content=body, headers=sent)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    return answer.status_code, stored
