"""What happens around every API request: who calls, may they, is it a repetition, is the writer still the leader."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.requests import Request
from starlette.responses import Response

from control_plane_api.api.call import ApiCall
from control_plane_api.api.guard import Fencing, Guard
from control_plane_api.api.problems import problem_response, to_problem
from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.authorization.authenticator import Authenticators
from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import ForbiddenError, InvalidError, UnauthenticatedError
from control_plane_api.application.mediation.mediator import SafeMediator
from control_plane_api.infrastructure.mongo.idempotency import MongoIdempotency, StoredAnswer
from control_plane_api.infrastructure.mongo.terms import MongoTerms
from control_plane_api.kernel.context import RequestContext, request_context, set_request_context
from lcm_core.observability.tracing import continued_span, current_trace_id

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
_CORRELATION = re.compile(r"^[A-Za-z0-9_.:-]{1,100}$")
_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")
_KEPT_HEADERS = ("etag", "location", "content-type")
REPLAYED = "Idempotent-Replayed"


@dataclass(frozen=True, slots=True)
class Edge:
    """Everything the edge decides with; kept in ``app.state.edge``."""

    mediator: SafeMediator
    authenticators: Authenticators
    audit: AuditLog
    idempotency: MongoIdempotency
    terms: MongoTerms
    request_seconds: float

    async def handle(self, request: Request, guard: Guard, name: str, endpoint: Endpoint) -> Response:
        """Run one request through its guard; every exception becomes a problem document."""
        with continued_span(name, request.headers.get("traceparent"), kind=SpanKind.SERVER):
            correlation = _correlation(request)
            set_request_context(RequestContext(correlation_id=correlation))
            try:
                if guard.streams:
                    response = await self._guarded(request, guard, name, endpoint)
                else:
                    async with asyncio.timeout(self.request_seconds):
                        response = await self._guarded(request, guard, name, endpoint)
            except Exception as error:  # the HTTP edge: unexpected ones are counted and logged by to_problem
                document, headers = to_problem(error, request.url.path)
                response = problem_response(document, headers)
            response.headers["X-Correlation-ID"] = correlation
            return response

    async def _guarded(self, request: Request, guard: Guard, name: str, endpoint: Endpoint) -> Response:
        caller = await self.authenticators.authenticate(request)
        if guard.action is not None:
            if caller is None:
                raise UnauthenticatedError()
            await self._require_role(caller, guard.action)
        if guard.fencing is Fencing.LEADER and caller is not None:
            await self._require_leader(request.headers, caller)
        request.state.call = ApiCall(request, self.mediator, caller)
        key = request.headers.get("idempotency-key", "")
        if request.method != "POST" or not guard.replay or not key or caller is None:
            return await endpoint(request)
        if not _KEY.match(key):
            raise InvalidError.field("BadIdempotencyKey", "Idempotency-Key", "1 to 200 printable characters")
        return await self._once(request, f"{name} {request.url.path}", caller, key, endpoint)

    async def _require_role(self, caller: Principal, action: Action) -> None:
        if scope_of(caller, action) is Scope.NONE:
            await self.audit.denied(caller, action, f"No role of {caller.actor} permits {action}.")
            raise ForbiddenError(action)

    async def _require_leader(self, headers: Mapping[str, str], caller: Principal) -> None:
        """A controller writes only as the leader of a shard, with the term of its election (ruling 2)."""
        service = headers.get("x-lcm-controller", "")
        if service != caller.service:
            raise ForbiddenError(
                f"writing as {service or 'nobody'}", "X-LCM-Controller must name the caller's service."
            )
        await self.terms.check(service, _number(headers, "x-lcm-shard"), _number(headers, "x-lcm-term"))

    async def _once(self, request: Request, route: str, caller: Principal, key: str, endpoint: Endpoint) -> Response:
        entry = self.idempotency.entry_id(caller.user_id, route, key)
        reserved = await self.idempotency.reserve(entry, await request.body())
        if isinstance(reserved, StoredAnswer):
            return Response(reserved.body, reserved.status, {**reserved.headers, REPLAYED: "true"})
        set_request_context(replace(request_context(), repeatable=reserved))
        try:
            response = await endpoint(request)
        except Exception as error:
            document, headers = to_problem(error, request.url.path)
            response = problem_response(document, headers)
        if response.status_code >= 500:
            await self.idempotency.give_up(entry)
        elif response.status_code in (401, 403, 429):
            await self.idempotency.forget(entry)
        else:
            kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
            await self.idempotency.finish(entry, StoredAnswer(response.status_code, bytes(response.body), kept))
        return response


def _correlation(request: Request) -> str:
    sent = request.headers.get("x-correlation-id", "")
    return sent if _CORRELATION.match(sent) else current_trace_id() or ""


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers.get(name, "")
    # A superscript two is a digit to Python, and no number.
    if not (value.isascii() and value.isdigit()) or len(value) > 12:
        raise InvalidError.field("BadHeader", name, "controllers send a whole number here")
    return int(value)
