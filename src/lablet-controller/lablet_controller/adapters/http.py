"""One pooled HTTP client per remote system, with its failures turned into ``OutsideError``.

Nothing is repeated here: whether a call may be repeated is known by the pipeline step that makes it.
"""

import json
from collections.abc import Mapping

import httpx
import orjson

from lcm_core.controller.leadership import current_context
from lcm_core.observability.tracing import client_span
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused, OutsideUnavailable, OutsideUnheard

_PASSING = frozenset({401, 408, 409, 423, 425, 429})
"""Refusals that may pass by themselves: an expired token, a busy object, too many calls."""
_UNHEARD = frozenset({502, 504})
"""What a proxy answers whose server did not: the server may still be at work."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
DETAIL_LIMIT = 400


class OutsideClient:
    """HTTP calls to one remote system.

    Args:
        system: its name in errors.
        base_url: scheme, host, port and path prefix.
        auth: how requests are authenticated.
        timeout_seconds: limit of one call.
        verify: CA bundle, or True for the system's.
        max_connections: size of the pool; further calls wait.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        verify: str | bool = True,
        max_connections: int = 16,
    ) -> None:
        self.system = system
        self._http = httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(timeout_seconds, connect=min(3.0, timeout_seconds)),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            verify=verify,
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A successful answer. Raises ``OutsideError`` subclasses; a leader past its deadline sends no change."""
        sent = dict(headers or {})
        if json_body is not None:
            content = orjson.dumps(json_body)
            sent["Content-Type"] = "application/json"
        context = current_context()
        if method != "GET" and context is not None:
            context.leadership.require()
        try:
            with client_span(f"{method} {self.system}", sent):
                answer = await self._http.request(method, path, content=content, params=params, headers=sent)
        except httpx.HTTPError as error:
            sent_change = method != "GET" and not isinstance(error, _NOT_SENT)
            failure = OutsideUnheard if sent_change else OutsideUnavailable
            if isinstance(error, httpx.TimeoutException):
                raise failure(self.system, f"did not answer {method} {path} in time") from error
            raise failure(
                self.system, f"cannot be reached for {method} {path}: {error or type(error).__name__}"
            ) from error
        if answer.is_success:
            return answer
        message = f"answered {method} {path} with {answer.status_code}: {_detail(answer)}"
        if answer.status_code in (404, 410):
            raise OutsideNotFound(self.system, message)
        if answer.status_code in _UNHEARD and method != "GET":
            raise OutsideUnheard(self.system, message)
        if answer.is_server_error or answer.status_code in _PASSING:
            raise OutsideUnavailable(self.system, message)
        raise OutsideRefused(self.system, message)

    async def json(
        self, method: str, path: str, *, json_body: object = None, params: Mapping[str, str] | None = None
    ) -> object:
        """The JSON of a successful answer. An answer that is not JSON counts as unavailable."""
        answer = await self.call(method, path, json_body=json_body, params=params)
        return parse_json(self.system, answer)


def parse_json(system: str, answer: httpx.Response) -> object:
    """The JSON of an answer. Raises ``OutsideUnavailable``."""
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise OutsideUnavailable(
            system, f"answered {answer.request.url.path} with something that is no JSON"
        ) from error


def _detail(answer: httpx.Response) -> str:
    """The remote's own words, from the shapes these systems use."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return answer.text[:DETAIL_LIMIT]
    if isinstance(body, dict):
        for name in ("description", "message", "detail", "error", "title"):
            if body.get(name):
                return str(body[name])[:DETAIL_LIMIT]
    return str(body)[:DETAIL_LIMIT]
