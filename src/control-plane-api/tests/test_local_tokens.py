"""The platform's own tokens: what was issued before a revocation is refused, what is issued after it is good."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.infrastructure.identity.local_tokens import LEEWAY_SECONDS, LocalTokens
from control_plane_api.infrastructure.mongo.database import Database

USER = Principal("id-of-user", "user", frozenset({"user"}))


def with_token(token: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})


@pytest.fixture
def tokens(database: Database) -> LocalTokens:
    return LocalTokens(SecretStr("a secret of this test"), 3600, database)


async def test_a_revocation_ends_the_tokens_and_streams_of_before(tokens: LocalTokens) -> None:
    token = tokens.issue(USER)
    before = await tokens.authenticate(with_token(token))
    assert before is not None
    assert await tokens.still_valid(before)
    await tokens.revoke(USER.user_id)
    assert not await tokens.still_valid(before)
    with pytest.raises(UnauthenticatedError, match="revoked"):
        await tokens.authenticate(with_token(token))


async def test_who_signs_in_again_after_a_revocation_keeps_streams(tokens: LocalTokens, database: Database) -> None:
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    await database["token_revocations"].insert_one({"_id": USER.user_id, "at": earlier})
    again = await tokens.authenticate(with_token(tokens.issue(USER)))
    assert again is not None
    assert await tokens.still_valid(again)


async def test_a_token_of_another_installation_is_refused(tokens: LocalTokens, database: Database) -> None:
    foreign = LocalTokens(SecretStr("another secret"), 3600, database).issue(USER)
    with pytest.raises(UnauthenticatedError):
        await tokens.authenticate(with_token(foreign))


async def test_a_token_that_was_accepted_before_is_refused_when_it_expires(
    tokens: LocalTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.issue(USER)
    assert await tokens.authenticate(with_token(token)) is not None
    later = time.time() + 3600 + LEEWAY_SECONDS + 2
    monkeypatch.setattr("control_plane_api.infrastructure.identity.local_tokens.time.time", lambda: later)
    with pytest.raises(UnauthenticatedError, match="expired"):
        await tokens.authenticate(with_token(token))


async def test_a_token_with_a_changed_signature_is_refused_beside_the_good_one(tokens: LocalTokens) -> None:
    token = tokens.issue(USER)
    assert await tokens.authenticate(with_token(token)) is not None
    head, claims, signature = token.split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    with pytest.raises(UnauthenticatedError, match="not acceptable"):
        await tokens.authenticate(with_token(f"{head}.{claims}.{changed}"))
