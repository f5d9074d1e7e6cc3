"""Sending CloudEvents to the platform: signed, in order, at least once.

An event is on disk before the call that caused it is answered, and leaves the disk when the platform has accepted it.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import BaseModel, Field

from lcm_simulators.common.documents import DocumentFolder

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
GIVEN_UP = frozenset({400, 413, 415, 422})
"""Answers that repeating cannot change."""


class OutboundEvent(BaseModel):
    """One event waiting to be sent, as the structured HTTP mode carries it."""

    number: int
    body: dict[str, Any] = Field(default_factory=dict)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``X-LCM-Signature``."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


class EventSender:
    """The outbox of one simulator. ``duplicate_every`` sends each n-th event twice (0: never), to test the receiver."""

    def __init__(self, folder: Path, url: str, secret: str, source: str, *, duplicate_every: int = 0) -> None:
        self._outbox: DocumentFolder[OutboundEvent] = DocumentFolder(folder, OutboundEvent)
        self._url, self._secret, self._source = url, secret, source
        self.duplicate_every = duplicate_every
        self._number = max((event.number for event in self._outbox.all()), default=0)
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Events that were not accepted yet."""
        return len(self._outbox)

    def send(self, kind: str, subject: str, data: dict[str, Any]) -> str:
        """Put an event into the outbox; its id."""
        self._number += 1
        event_id = uuid4().hex
        body = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": kind,
            "subject": subject,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        self._outbox.put(f"{self._number:012d}", OutboundEvent(number=self._number, body=body))
        self._wake.set()
        return event_id

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            while True:
                self._wake.clear()
                for event in sorted(self._outbox.all(), key=lambda item: item.number):
                    await self._deliver(http, event)
                await self._wake.wait()

    async def _deliver(self, http: httpx.AsyncClient, event: OutboundEvent) -> None:
        pause = FIRST_PAUSE
        while not await self._attempt(http, event):
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        if self.duplicate_every and event.number % self.duplicate_every == 0:
            await self._attempt(http, event)
        self._outbox.remove(f"{event.number:012d}")

    async def _attempt(self, http: httpx.AsyncClient, event: OutboundEvent) -> bool:
        """Send once; whether the event is dealt with."""
        if not self._url:
            return True
        body = json.dumps(event.body).encode()
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/cloudevents+json",
            "X-LCM-Timestamp": stamp,
            "X-LCM-Signature": signature(self._secret, stamp, body),
        }
        try:
            answer = await http.post(self._url, content=body, headers=headers)
        except httpx.TransportError as error:
            log.info("event %s waits: %s", event.body["type"], error)
            return False
        if answer.status_code in GIVEN_UP:
            log.error("event %s was refused with %d: %s", event.body["type"], answer.status_code, answer.text[:200])
            return True
        return answer.is_success
