"""Hands out tokens: builds the answer of the token endpoint and moves the session on."""

from dataclasses import dataclass, replace

from pydantic import JsonValue

from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.scopes import shown
from lcm_simulators.identity.sessions import UserSession
from lcm_simulators.identity.tokens import Grant

Answer = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where the tokens belong: a session and the row of refresh tokens in it."""

    session: UserSession
    chain: str


def with_session(context: RealmContext, grant: Grant, continuation: Continuation) -> Answer:
    """Access and refresh token, and an ID token when ``openid`` was asked for."""
    session, now = continuation.session, context.now()
    grant = replace(grant, session_id=session.id)
    context.sessions.touch(session, now)
    left = context.sessions.seconds_left(session, now)
    refresh_token, token_id = context.tokens.refresh(grant, now, left, continuation.chain)
    context.sessions.advance(session, grant.client.client_id, continuation.chain, token_id, now)
    answer = _tokens(context, grant, now, min(context.realm.access_token_lifespan, left))
    answer |= {"refresh_expires_in": left, "refresh_token": refresh_token, "session_state": session.id}
    return answer


def without_session(context: RealmContext, grant: Grant) -> Answer:
    """What a service account gets: it asks again rather than refresh."""
    answer = _tokens(context, grant, context.now(), context.realm.access_token_lifespan)
    return answer | {"refresh_expires_in": 0}


def _tokens(context: RealmContext, grant: Grant, now: float, lifespan: int) -> Answer:
    scope = shown(grant.scopes)
    access_token = context.tokens.access(grant, now, lifespan, scope)
    answer: Answer = {
        "access_token": access_token,
        "expires_in": lifespan,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": scope,
    }
    if "openid" in grant.scopes:
        answer["id_token"] = context.tokens.identity(grant, now, lifespan, access_token)
    return answer
