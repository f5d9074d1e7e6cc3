"""The HTTP client base: typed errors, retries, idempotency, tokens."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest
from pydantic import BaseModel, SecretStr

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
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from lcm_core.clients.http import ApiClient, RetryPolicy
from lcm_core.clock import ManualClock
from lcm_core.controller import LeadershipLost, fencing_headers, reconcile_context
from lcm_core.controller.leadership import Leadership
from lcm_core.observability.tracing import configure_tracing, continued_span
from lcm_core.security.tokens import BearerAuth, ClientCredentials

Answer = Callable[[httpx.Request], httpx.Response]


class Thing(BaseModel):
    id: str
    version: int = 1


class Remote:
    """Answers from a list and remembers the requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.seen_tokens: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.seen_tokens.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(remote: Answer, **options: object) -> ApiClient:
    quick = RetryPolicy(attempts=3, first_pause=0.001, longest_pause=0.002)
    return ApiClient(
        "http://remote.test",
        name="remote",
        retry=quick,
        transport=httpx.MockTransport(remote),
        **options,  # type: ignore[arg-type]
    )


def problem(status: int, **members: object) -> httpx.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": "because", **members}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json"})


async def test_a_model_travels_both_ways() -> None:
    remote = Remote(httpx.Response(200, json={"id": "x", "version": 3, "unknown": 1}))
    async with client(remote) as api:
        answer = await api.call("POST", "/things", body=Thing(id="x"), response=Thing)
    assert answer == Thing(id="x", version=3)
    assert json.loads(remote.requests[0].content) == {"id": "x", "version": 1}


@pytest.mark.parametrize(
    ("status", "members", "error"),
    [
        (401, {}, Unauthenticated),
        (403, {}, Forbidden),
        (404, {}, NotFound),
        (409, {}, Conflict),
        (409, {"code": "StaleTerm"}, StaleTerm),
        (412, {}, PreconditionFailed),
        (422, {}, Invalid),
        (429, {}, Throttled),
        (500, {}, ServerFault),
        (503, {}, Unavailable),
        (418, {}, UnexpectedAnswer),
    ],
)
async def test_each_status_is_a_type(status: int, members: dict[str, object], error: type[ApiError]) -> None:
    async with client(Remote(problem(status, **members))) as api:
        with pytest.raises(error) as caught:
            await api.call("GET", "/things/x", response=Thing)
    assert type(caught.value) is error
    assert caught.value.sentence == "because"


async def test_a_conflict_tells_the_state_and_what_is_legal() -> None:
    async with client(Remote(problem(409, current="ready", allowed=["running", "stopping"]))) as api:
        with pytest.raises(Conflict) as caught:
            await api.call("POST", "/x")
    assert (caught.value.current, caught.value.allowed) == ("ready", ("running", "stopping"))


async def test_invalid_input_names_the_fields() -> None:
    errors = [{"field": "spec.slot.start", "message": "is in the past"}]
    async with client(Remote(problem(422, errors=errors))) as api:
        with pytest.raises(Invalid) as caught:
            await api.call("POST", "/x")
    assert caught.value.problem is not None
    assert caught.value.problem.errors[0].field == "spec.slot.start"
    assert "spec.slot.start: is in the past" in caught.value.sentence


async def test_an_answer_that_is_no_problem_document_still_becomes_a_typed_error() -> None:
    async with client(Remote(httpx.Response(502, text="<html>Bad Gateway</html>"))) as api:
        with pytest.raises(Unavailable, match="Bad Gateway"):
            await api.call("GET", "/x")


async def test_passing_failures_are_retried_with_the_same_idempotency_key() -> None:
    ok = httpx.Response(200, json={"id": "x"})
    remote = Remote(httpx.ConnectError("refused"), problem(503), ok)
    async with client(remote) as api:
        await api.call("POST", "/things", body=Thing(id="x"), response=Thing)
    keys = {request.headers["Idempotency-Key"] for request in remote.requests}
    assert len(remote.requests) == 3
    assert len(keys) == 1


async def test_retries_end_and_lasting_failures_are_not_retried() -> None:
    away = Remote(httpx.ReadTimeout("slow"))
    async with client(away) as api:
        with pytest.raises(Unreachable):
            await api.call("GET", "/x")
    assert len(away.requests) == 3
    for status in (400, 404, 409, 412, 500):
        lasting = Remote(problem(status))
        async with client(lasting) as api:
            with pytest.raises(ApiError):
                await api.call("POST", "/x")
        assert len(lasting.requests) == 1


async def test_reads_carry_no_idempotency_key_and_an_own_key_is_kept() -> None:
    remote = Remote(httpx.Response(204))
    async with client(remote) as api:
        await api.call("GET", "/x")
        await api.call("POST", "/x", idempotency_key="mine")
    assert "Idempotency-Key" not in remote.requests[0].headers
    assert remote.requests[1].headers["Idempotency-Key"] == "mine"


async def test_a_body_outside_the_contract_is_an_error() -> None:
    async with client(Remote(httpx.Response(200, json={"nope": 1}))) as api:
        with pytest.raises(UnexpectedAnswer):
            await api.call("GET", "/x", response=Thing)


async def test_the_trace_continues_over_http() -> None:
    configure_tracing("test", otlp_endpoint=None)
    remote = Remote(httpx.Response(204))
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    async with client(remote) as api:
        with continued_span("test", f"00-{trace_id}-b7ad6b7169203331-01"):
            await api.call("GET", "/x")
    assert remote.requests[0].headers["traceparent"].split("-")[1] == trace_id


async def test_writes_of_a_reconcile_carry_its_term_and_a_leader_past_its_deadline_sends_nothing() -> None:
    clock = ManualClock()
    leadership = Leadership("worker-controller", 3, "me", clock, deadline=5.0)
    leadership.term = 17
    remote = Remote(httpx.Response(204))
    async with client(remote, headers=fencing_headers("worker-controller")) as api:
        with reconcile_context("w1", leadership):
            await api.call("POST", "/x")
            clock.advance(5)
            with pytest.raises(LeadershipLost):
                await api.call("POST", "/x")
        await api.call("GET", "/x")
    sent = remote.requests[0].headers
    assert (sent["X-LCM-Controller"], sent["X-LCM-Shard"], sent["X-LCM-Term"]) == ("worker-controller", "3", "17")
    assert len(remote.requests) == 2
    assert "X-LCM-Term" not in remote.requests[1].headers


class Provider:
    """A token endpoint that counts."""

    def __init__(self) -> None:
        self.issued = 0
        self.refuse = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if self.refuse:
            return httpx.Response(401, json={"error": "invalid_client"})
        self.issued += 1
        return httpx.Response(200, json={"access_token": f"token-{self.issued}", "expires_in": 100})


def credentials(provider: Provider, clock: ManualClock) -> ClientCredentials:
    http = httpx.AsyncClient(transport=httpx.MockTransport(provider))
    return ClientCredentials("http://idp.test/token", "lcm-x", SecretStr("s"), http, clock=clock)


async def test_many_callers_share_one_token_until_shortly_before_it_expires() -> None:
    provider, clock = Provider(), ManualClock()
    tokens = credentials(provider, clock)
    assert set(await asyncio.gather(*(tokens.token() for _ in range(20)))) == {"token-1"}
    clock.advance(79)
    assert await tokens.token() == "token-1"
    clock.advance(2)
    assert await tokens.token() == "token-2"


async def test_a_refused_client_is_a_lasting_error() -> None:
    provider = Provider()
    provider.refuse = True
    with pytest.raises(Forbidden, match="lcm-x"):
        await credentials(provider, ManualClock()).token()


async def test_a_401_is_answered_with_a_fresh_token_once() -> None:
    tokens = credentials(Provider(), ManualClock())
    remote = Remote(httpx.Response(401), httpx.Response(204))
    async with client(remote, auth=BearerAuth(tokens)) as api:
        await api.call("GET", "/x")
    assert remote.seen_tokens == ["Bearer token-1", "Bearer token-2"]
