"""The CML system API over HTTPS. Implements ``lcm_core.spi.cml_system.CmlSystem``.

A client per worker keeps its connection and token; the TLS context is shared. A 401 means that the token ran out: one
new sign-in, one repeat. Passwords and license tokens appear in no message.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

import httpx
from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from lcm_core.observability.tracing import client_span
from lcm_core.spi.cml_system import (
    CmlBusy,
    CmlRefused,
    CmlSignInRefused,
    CmlTarget,
    CmlUnavailable,
    Layer,
    License,
    Readiness,
    Registration,
    SystemStats,
)
from worker_controller.adapters.cml_bodies import (
    Frame,
    Information,
    Licensing,
    NodeDefinition,
    Stats,
    broken,
    description_of,
)
from worker_controller.adapters.trust import Trust

ResultT = TypeVar("ResultT")
API = "/api/v0/"
EVENTS_PATH = "/ws/ui"
_ERROR: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
_TEXT: TypeAdapter[str] = TypeAdapter(str)
_DEFINITIONS: TypeAdapter[list[NodeDefinition]] = TypeAdapter(list[NodeDefinition])


@dataclass(slots=True)
class _Session:
    """What is kept for one worker."""

    target: CmlTarget
    http: httpx.AsyncClient
    client_uuid: str = field(default_factory=lambda: str(uuid4()))
    token: str = ""
    signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)


class HttpCmlSystem:
    """See ``lcm_core.spi.cml_system.CmlSystem``."""

    def __init__(self, trust: Trust, *, timeout_seconds: float = 10.0) -> None:
        self._trust = trust
        self._timeout = httpx.Timeout(timeout_seconds, connect=min(3.0, timeout_seconds))
        self._sessions: dict[str, _Session] = {}

    async def readiness(self, target: CmlTarget) -> Readiness:
        """See ``CmlSystem``."""
        try:
            session = await self._session(target)
            answer = await session.http.get(f"{API}system_information")
        except (httpx.TransportError, OSError) as error:
            return _unreachable(error)
        if answer.status_code != 200:
            return Readiness(Layer.HTTP, f"CML answers with status {answer.status_code}; it may still be starting.")
        try:
            information = Information.model_validate_json(answer.content)
        except ValidationError:
            return Readiness(Layer.HTTP, "What answers there is not a CML controller.")
        if not information.ready:
            return Readiness(Layer.READY, "CML is up and not ready yet.", information.version)
        return Readiness(None, "CML is ready.", information.version)

    async def system_stats(self, target: CmlTarget) -> SystemStats:
        """See ``CmlSystem``."""
        answer = await self._call(target, "GET", "system_stats")
        try:
            return Stats.model_validate_json(answer.content).facts()
        except ValidationError as error:
            raise broken("system_stats") from error

    async def node_definitions(self, target: CmlTarget) -> Sequence[str]:
        """See ``CmlSystem``."""
        answer = await self._call(target, "GET", "simplified_node_definitions")
        try:
            return sorted(each.id for each in _DEFINITIONS.validate_json(answer.content))
        except ValidationError as error:
            raise broken("simplified_node_definitions") from error

    async def license(self, target: CmlTarget) -> License:
        """See ``CmlSystem``."""
        return (await self._licensing(target)).facts()

    async def set_product(self, target: CmlTarget, product: str) -> None:
        """See ``CmlSystem``."""
        await self._call(target, "PUT", "licensing/product_license", product)

    async def register(self, target: CmlTarget, token: str, *, reregister: bool) -> None:
        """See ``CmlSystem``."""
        await self._call(target, "POST", "licensing/registration", {"token": token, "reregister": reregister})

    async def set_expansion_nodes(self, target: CmlTarget, count: int) -> None:
        """See ``CmlSystem``."""
        feature = (await self._licensing(target)).expansion_feature()
        if not feature:
            raise CmlRefused("The license of this CML has no expansion nodes.")
        await self._call(target, "PATCH", "licensing/features", [{"id": feature, "count": count}])

    async def renew(self, target: CmlTarget) -> None:
        """See ``CmlSystem``."""
        await self._call(target, "PUT", "licensing/authorization/renew")

    async def deregister(self, target: CmlTarget) -> bool:
        """See ``CmlSystem``."""
        try:
            answer = await self._call(target, "DELETE", "licensing/deregistration")
        except CmlRefused:
            if (await self.license(target)).registration is Registration.NOT_REGISTERED:
                return True
            raise
        return answer.status_code != 202

    async def pushed_stats(self, target: CmlTarget) -> AsyncIterator[SystemStats]:
        """See ``CmlSystem``."""
        session = await self._signed_in(target)
        url = f"{target.endpoint.replace('http', 'ws', 1)}{EVENTS_PATH}"
        headers = {"Authorization": f"Bearer {session.token}"}
        context = self._trust.context() if url.startswith("wss:") else None
        first = json.dumps({"token": session.token, "client_uuid": session.client_uuid})
        try:
            async with connect(
                url,
                ssl=context,
                additional_headers=headers,
                proxy=None,
                open_timeout=5,
                ping_interval=30,
                max_size=2**22,
            ) as stream:
                await stream.send(first)
                async for message in stream:
                    stats = Frame.stats_of(message)
                    if stats is not None:
                        yield stats
        except (OSError, TimeoutError, WebSocketException) as error:
            raise CmlUnavailable(f"CML's event stream broke: {type(error).__name__}") from error

    async def forget(self, worker_id: str) -> None:
        """See ``CmlSystem``."""
        session = self._sessions.pop(worker_id, None)
        if session is not None:
            await session.http.aclose()

    async def close(self) -> None:
        """Close every connection."""
        for worker_id in list(self._sessions):
            await self.forget(worker_id)

    # Calls -----------------------------------------------------------------------------------------------------

    async def _licensing(self, target: CmlTarget) -> Licensing:
        answer = await self._call(target, "GET", "licensing")
        try:
            return Licensing.model_validate_json(answer.content)
        except ValidationError as error:
            raise broken("licensing") from error

    async def _session(self, target: CmlTarget) -> _Session:
        outdated = self._sessions.get(target.worker_id)
        if outdated is not None and outdated.target == target:
            return outdated
        http = httpx.AsyncClient(
            base_url=target.endpoint,
            verify=self._trust.context(),
            timeout=self._timeout,
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=2),
            headers={"X-CML-CLIENT": "LCM"},
            trust_env=False,
        )
        session = self._sessions[target.worker_id] = _Session(target, http)
        http.headers["X-Client-UUID"] = session.client_uuid
        if outdated is not None:
            await outdated.http.aclose()
        return session

    async def _signed_in(self, target: CmlTarget, refused_token: str | None = None) -> _Session:
        try:
            session = await self._session(target)
        except OSError as error:
            raise CmlUnavailable(f"The CA bundle for CML cannot be read: {error}") from error
        async with session.signing_in:
            if not session.token or session.token == refused_token:
                body = {"username": target.username, "password": target.password}
                answer = await self._send(session, "POST", "authenticate", body)
                if answer.status_code in (401, 403):
                    raise CmlSignInRefused(f"CML refuses user {target.username}: name or password is wrong.")
                _check(answer, "authenticate")
                try:
                    session.token = _TEXT.validate_json(answer.content)
                except ValidationError:
                    raise broken("authenticate") from None  # the body may hold the token
        return session

    async def _call(self, target: CmlTarget, method: str, path: str, body: object = None) -> httpx.Response:
        session = await self._signed_in(target)
        used = session.token
        answer = await self._send(session, method, path, body, used)
        if answer.status_code == 401:
            session = await self._signed_in(target, refused_token=used)
            answer = await self._send(session, method, path, body, session.token)
        return _check(answer, path)

    async def _send(
        self, session: _Session, method: str, path: str, body: object = None, token: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with client_span(f"{method} CML", headers):
                if body is None:
                    return await session.http.request(method, API + path, headers=headers)
                return await session.http.request(method, API + path, headers=headers, json=body)
        except httpx.TransportError as error:
            raise CmlUnavailable(f"CML gave no answer to {path}: {type(error).__name__}") from error


def _check(answer: httpx.Response, call: str) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        said = description_of(_ERROR.validate_json(answer.content))
    except ValidationError:
        said = ""
    text = f"CML answered {call} with {answer.status_code}{': ' + said if said else ''}"
    if answer.status_code == 409:
        raise CmlBusy(text)
    if answer.status_code in (408, 429) or answer.is_server_error:
        raise CmlUnavailable(text)
    raise CmlRefused(text)


def _unreachable(error: BaseException) -> Readiness:
    """Which layer an exception of the transport speaks of."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Readiness(Layer.TLS, f"The TLS handshake with CML fails: {cause.reason or cause}.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Readiness(Layer.TCP, "Nothing accepts connections at CML's address.")
    if isinstance(error, OSError):
        return Readiness(Layer.TLS, f"The CA bundle for CML cannot be read: {error.strerror}.")
    return Readiness(Layer.HTTP, f"CML accepts connections and does not answer: {type(error).__name__}.")
