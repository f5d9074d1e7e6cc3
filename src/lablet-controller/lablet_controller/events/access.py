"""Who may send events: a signature over time stamp and body, or a bearer token of a service account."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lcm_core.clients.errors import Unreachable
from lcm_core.controller.admin import Verifier
from lcm_core.domain.vocabulary import Role
from lcm_core.security.verification import InvalidToken

SENDERS = frozenset({Role.LDS.value, Role.GRADING.value, Role.ADMIN.value})
TIMESTAMP, SIGNATURE = "x-lcm-timestamp", "x-lcm-signature"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not accepted."""

    status: int
    message: str


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header of a body: ``v1=`` and the hexadecimal HMAC-SHA256 of ``timestamp.body``."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class EventAccess:
    """Judges requests.

    Args:
        secret: of signatures; empty switches them off.
        window_seconds: how far a time stamp may be from now, both ways.
        verifier: of bearer tokens.
    """

    def __init__(
        self, secret: str, window_seconds: float, verifier: Verifier, now: Callable[[], float] = time.time
    ) -> None:
        self._secret = secret
        self._window = window_seconds
        self._verifier = verifier
        self._now = now

    def refuse_early(self, headers: Mapping[str, str]) -> Refusal | None:
        """Before the body is read: a request that carries no credentials at all."""
        signed = SIGNATURE in headers and TIMESTAMP in headers
        if not signed and not headers.get("authorization", "").lower().startswith("bearer "):
            return Refusal(401, "sign the request (X-LCM-Timestamp, X-LCM-Signature) or send a bearer token")
        return None

    async def judge(self, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """None when the sender may send."""
        if SIGNATURE in headers:
            return self._judge_signature(headers.get(TIMESTAMP, ""), headers[SIGNATURE], body)
        return await self._judge_token(headers.get("authorization", "").partition(" ")[2])

    def _judge_signature(self, timestamp: str, signature: str, body: bytes) -> Refusal | None:
        if not self._secret:
            return Refusal(401, "signed events are not accepted here: no secret is configured")
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            return Refusal(401, "X-LCM-Timestamp must be whole seconds since 1970")
        if not hmac.compare_digest(signature_of(self._secret, timestamp, body).encode(), signature.encode()):
            return Refusal(401, "the signature does not fit the body and time stamp")
        if abs(self._now() - int(timestamp)) > self._window:
            return Refusal(401, f"the time stamp is more than {self._window:g} s from now")
        return None

    async def _judge_token(self, token: str) -> Refusal | None:
        try:
            principal = await self._verifier.verify(token)
        except InvalidToken as error:
            return Refusal(401, str(error))
        except Unreachable as error:
            return Refusal(503, str(error))
        if not principal.roles & SENDERS:
            return Refusal(403, f"one of these roles is needed: {', '.join(sorted(SENDERS))}")
        return None
