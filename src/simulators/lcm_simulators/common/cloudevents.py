"""Sending the events of an outbox to the platform: signed, in order for each subject, at least once."""

import asyncio
import hashlib
import hmac
import logging
import random
import sqlite3
import time
from dataclasses import dataclass
from functools import partial

import httpx

from lcm_simulators.common.event_faults import EventFaultBook, EventFaultKind
from lcm_simulators.common.outbox import EventState, Outbox, StoredEvent

log = logging.getLogger(__name__)

GIVEN_UP = frozenset({400, 413, 415, 422})
"""Answers that repeating cannot change."""
AT_ONCE = 16
ATTEMPT_SECONDS = 10.0
LONGEST_ANSWER = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where events go and how patiently; without a URL they wait. Pauses are real seconds and double each time."""

    url: str
    secret: str
    first_pause: float = 0.2
    longest_pause: float = 5.0


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``X-LCM-Signature``."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


def signed_headers(secret: str, body: bytes) -> dict[str, str]:
    """The headers of one attempt; the receiver accepts the stamp for five minutes."""
    stamp = str(int(time.time()))
    return {
        "Content-Type": "application/cloudevents+json",
        "X-LCM-Timestamp": stamp,
        "X-LCM-Signature": signature(secret, stamp, body),
    }


def pause_before(attempt: int, delivery: Delivery, spread: float) -> float:
    """Seconds between a failed attempt (counted from 0) and the next; ``spread`` in 0..1 takes off up to a fifth."""
    pause = min(delivery.longest_pause, delivery.first_pause * 2.0 ** min(attempt, 30))
    return pause * (1 - spread / 5)


class EventSender:
    """Empties an outbox for as long as the process lives."""

    def __init__(self, outbox: Outbox, delivery: Delivery, faults: EventFaultBook) -> None:
        self._outbox, self._delivery, self._faults = outbox, delivery, faults
        self._wake = asyncio.Event()
        self._sending: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        if not self._delivery.url:
            log.warning("LCM_EVENTS_URL is not set: events wait")
            await asyncio.Future()
        async with httpx.AsyncClient(timeout=ATTEMPT_SECONDS, trust_env=False) as http:
            try:
                while True:
                    self._wake.clear()
                    pause = self._start_due(http)
                    try:
                        await asyncio.wait_for(self._wake.wait(), pause)
                    except TimeoutError:
                        continue
            finally:
                await self._stop()

    def _start_due(self, http: httpx.AsyncClient) -> float | None:
        """Begin with what is due; seconds until the next event is, None when only a wake-up brings news."""
        for event in self._outbox.heads(2 * AT_ONCE):
            if event.number in self._sending:
                continue
            if len(self._sending) >= AT_ONCE:
                return None
            if event.due > time.time():
                return event.due - time.time()
            task = asyncio.create_task(self._send(http, event))
            self._sending[event.number] = task
            task.add_done_callback(partial(self._sent, event.number))
        return None

    def _sent(self, number: int, task: asyncio.Task[None]) -> None:
        del task
        self._sending.pop(number, None)
        self._wake.set()

    async def _stop(self) -> None:
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, http: httpx.AsyncClient, event: StoredEvent) -> None:
        try:
            if event.attempts or event.overtakable or not await self._misbehave(http, event):
                await self._deliver(http, event)
        except sqlite3.Error as error:
            # Whether it arrived is not written down: it is sent again, which the receiver must bear anyway.
            log.error("the outbox cannot be written: %s", error)
            await asyncio.sleep(self._delivery.longest_pause)

    async def _misbehave(self, http: httpx.AsyncClient, event: StoredEvent) -> bool:
        """Let a fault strike; whether it dealt with the event for now."""
        fault = self._faults.strike(event.type, event.subject)
        if fault is None:
            return False
        match fault.kind:
            case EventFaultKind.LOSE:
                self._outbox.settle(event, EventState.LOST, "swallowed by a fault")
                return True
            case EventFaultKind.DELAY:
                self._outbox.hold_back(event, time.time() + fault.seconds)
                return True
            case EventFaultKind.DUPLICATE:
                await self._attempt(http, event, self._delivery.secret)
                return False
            case EventFaultKind.FORGE:
                await self._attempt(http, event, f"not {self._delivery.secret}")
                return False

    async def _deliver(self, http: httpx.AsyncClient, event: StoredEvent) -> None:
        status, answer = await self._attempt(http, event, self._delivery.secret)
        if 200 <= status < 300:
            self._outbox.settle(event, EventState.DELIVERED, answer)
        elif status in GIVEN_UP:
            log.error("event %s (%s) was refused: %s", event.id, event.type, answer)
            self._outbox.settle(event, EventState.REFUSED, answer)
        else:
            pause = pause_before(event.attempts, self._delivery, random.random())  # nosec B311
            log.info("event %s (%s) waits %.2f s: %s", event.id, event.type, pause, answer)
            self._outbox.postpone(event, time.time() + pause, answer)

    async def _attempt(self, http: httpx.AsyncClient, event: StoredEvent, secret: str) -> tuple[int, str]:
        """Send once; status (0 for no answer) and what was said."""
        body = event.body.encode()
        try:
            answer = await http.post(self._delivery.url, content=body, headers=signed_headers(secret, body))
        except httpx.HTTPError as error:
            return 0, f"{type(error).__name__}: {error}"[:LONGEST_ANSWER]
        return answer.status_code, f"{answer.status_code} {answer.text}".strip()[:LONGEST_ANSWER]
