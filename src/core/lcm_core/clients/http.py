"""HTTP calls to one remote service: pooled, limited, retried, typed.

One ``ApiClient`` per remote. Every write carries an ``Idempotency-Key`` that stays the same over the retries of one
call, so a repeated request after a lost answer has its effect once.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from ulid import ULID

from lcm_core.clients.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    ServerFault,
    StaleTerm,
    Throttled,
    TransientApiError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from lcm_core.clock import Clock, SystemClock
from lcm_core.contracts.common import Problem
from lcm_core.observability.tracing import client_span

ResponseT = TypeVar("ResponseT")
HeaderSource = Callable[[], Mapping[str, str]]
Body = BaseModel | Mapping[str, object] | Sequence[object]

STALE_TERM_CODE = "StaleTerm"
_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: PreconditionFailed,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often a call is repeated.

    ``attempts`` counts all tries. The pause grows from ``first_pause`` by doubling up to ``longest_pause`` seconds,
    each with full jitter; a server's ``Retry-After`` is obeyed up to ``longest_pause``.
    """

    attempts: int = 4
    first_pause: float = 0.1
    longest_pause: float = 2.0

    def pause(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the given failed attempt, counted from 1."""
        if retry_after is not None:
            return min(retry_after, self.longest_pause)
        ceiling = min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
        return random.uniform(ceiling / 2, ceiling)


def _no_headers() -> Mapping[str, str]:
    return {}


class ApiClient:
    """Client of one remote service.

    Args:
        base_url: scheme, host, port and common path prefix.
        name: the remote's name in errors and traces, as in "control plane".
        auth: how requests are authenticated (``httpx.BasicAuth``, ``BearerAuth``), or None.
        headers: called before each attempt; may raise to forbid the call (a leader whose lease ran out).
        timeout_seconds: limit of each attempt.
        max_connections: size of the pool; further calls wait for a connection.
        verify: False, or the CA bundle's path, or True for the system's.
        retry: see ``RetryPolicy``.
        transport: replaces the network, for tests against an ASGI application.

    All methods raise the typed errors of ``lcm_core.clients.errors``.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        auth: httpx.Auth | None = None,
        headers: HeaderSource = _no_headers,
        timeout_seconds: float = 10.0,
        max_connections: int = 32,
        verify: bool | str = True,
        retry: RetryPolicy = RetryPolicy(),
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._name = name
        self._headers = headers
        self._retry = retry
        self._clock = clock or SystemClock()
        self._http = httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            timeout=httpx.Timeout(timeout_seconds, connect=min(3.0, timeout_seconds)),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            verify=verify,
            transport=transport,
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pool."""
        await self._http.aclose()

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        response: type[ResponseT],
        body: Body | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> ResponseT: ...

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        response: None = None,
        body: Body | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> None: ...

    async def call(
        self,
        method: str,
        path: str,
        *,
        response: type[Any] | None = None,
        body: Body | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call with a JSON body and validate the JSON answer against ``response`` (None: ignore the answer).

        ``idempotency_key`` defaults to a new one per call for writes.
        """
        sent = dict(headers or {})
        content: bytes | None = None
        if body is not None:
            content = _to_json(body)
            sent["Content-Type"] = "application/json"
        answer = await self._send(method, path, sent, params, idempotency_key, content=content)
        return None if response is None else self._parse(answer, response)

    async def download(self, path: str, *, params: Mapping[str, str] | None = None) -> bytes:
        """The bytes at a path."""
        answer = await self._send("GET", path, {}, params, None)
        return answer.content

    async def upload(
        self,
        path: str,
        *,
        filename: str,
        content_type: str,
        content: bytes,
        response: type[ResponseT],
        idempotency_key: str | None = None,
    ) -> ResponseT:
        """Send one file as ``multipart/form-data`` field ``file``."""
        files = {"file": (filename, content, content_type)}
        answer = await self._send("POST", path, {}, None, idempotency_key, files=files)
        return self._parse(answer, response)

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        idempotency_key: str | None,
        **payload: Any,
    ) -> httpx.Response:
        """One call with its retries; only passing failures are repeated."""
        fixed = dict(headers)
        if method not in _IDEMPOTENT_METHODS:
            fixed["Idempotency-Key"] = idempotency_key or str(ULID())

        async def attempt() -> httpx.Response:
            sent = {**self._headers(), **fixed}
            with client_span(f"{method} {self._name}", sent):
                return await self._once(method, path, headers=sent, params=params, **payload)

        return await self._with_retries(attempt)

    async def _with_retries(self, attempt: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        tries = 1
        while True:
            try:
                return await attempt()
            except ServerFault:
                raise  # a bug at the other end does not go away within a second
            except TransientApiError as error:
                if tries >= self._retry.attempts:
                    raise
                await self._clock.sleep(self._retry.pause(tries, error.retry_after))
                tries += 1

    async def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            raise Unreachable(f"{self._name} did not answer {method} {path} in time") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{self._name} cannot be reached for {method} {path}: {error}") from error
        if answer.is_success:
            return answer
        raise self._error(answer, f"{method} {path}")

    def _error(self, answer: httpx.Response, call: str) -> ApiError:
        problem = _problem(answer)
        text = f"{self._name} answered {call} with {answer.status_code}: {problem.detail or problem.title}"
        if answer.status_code == 409 and problem.code == STALE_TERM_CODE:
            return StaleTerm(text, problem)
        kind = _BY_STATUS.get(answer.status_code, ServerFault if answer.is_server_error else UnexpectedAnswer)
        if issubclass(kind, TransientApiError):
            return kind(text, problem, _retry_after(answer))
        return kind(text, problem)

    def _parse(self, answer: httpx.Response, response: type[ResponseT]) -> ResponseT:
        try:
            return _adapter(response).validate_json(answer.content)
        except ValidationError as error:
            raise UnexpectedAnswer(f"{self._name} answered with a body that does not fit: {error}") from error


_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


def _adapter(response: type[ResponseT]) -> TypeAdapter[ResponseT]:
    """Adapters are costly to build and kept; the number of response models is fixed."""
    if response not in _ADAPTERS:
        _ADAPTERS[response] = TypeAdapter(response)
    return _ADAPTERS[response]


_ANY_JSON: TypeAdapter[object] = TypeAdapter(object)


def _to_json(body: Body) -> bytes:
    if isinstance(body, BaseModel):
        return body.model_dump_json(exclude_unset=False).encode()
    return _ANY_JSON.dump_json(body)


def _problem(answer: httpx.Response) -> Problem:
    """The problem document, or one made from whatever the server sent (at most 300 characters of it)."""
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        detail = (
            answer.text[:300] if answer.headers.get("content-type", "").startswith(("text/", "application/")) else ""
        )
        return Problem(title=answer.reason_phrase or "error", status=answer.status_code, detail=detail)


def _retry_after(answer: httpx.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
