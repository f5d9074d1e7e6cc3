"""Two control planes behind one address keep the sessions of browsers in one Redis, whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from browsers import COOKIE, callback_of, csrf, identity_beside, sign_in
from plane_process import PlaneProcess
from realm_stand_in import RealmStandIn
from redis.asyncio import Redis

from lcm_simulators.embedded import free_port
from lcm_simulators.embedded.redis import RedisServer

pytestmark = pytest.mark.slow
WORKER = {"template_id": "metal-many"}


@dataclass
class Replicas:
    """A browser's two ways to the platform; it has the same cookies on both, as behind a load balancer."""

    first: httpx.AsyncClient
    second: httpx.AsyncClient

    async def signed_in(self) -> list[object]:
        """What each replica says."""
        answers = [await each.get("/api/auth/session") for each in (self.first, self.second)]
        return [each.json()["authenticated"] if each.status_code == 200 else each.status_code for each in answers]


@pytest.fixture
async def replicas(
    tmp_path: Path, plane_settings: dict[str, str], realm: RealmStandIn, redis: RedisServer
) -> AsyncIterator[Replicas]:
    """Two control planes with one Redis, database and etcd, beside one identity provider."""
    port = free_port()
    identity = identity_beside(port, tmp_path)
    shared = {
        **plane_settings,
        "KEYCLOAK_URL": f"http://{identity.address}",
        "REDIS_ENABLED": "true",
        "REDIS_URL": redis.url,
    }
    planes = [PlaneProcess(tmp_path / name, shared, realm) for name in ("first", "second")]
    planes[0]._chosen_port, planes[0]._fixed_port = port, True
    async with AsyncExitStack() as stack:
        for server in (identity, *planes):
            stack.push_async_callback(server.stop, 3)
        await asyncio.gather(identity.start(), *(plane.start() for plane in planes))
        cookies = httpx.Cookies()
        yield Replicas(*[await stack.enter_async_context(_browser(plane, cookies)) for plane in planes])


@asynccontextmanager
async def _browser(plane: PlaneProcess, cookies: httpx.Cookies) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=plane.url, timeout=20, trust_env=False) as http:
        http._cookies = cookies  # the same jar, not a copy of it
        yield http


async def test_a_session_of_one_replica_is_a_session_of_the_other(replicas: Replicas) -> None:
    # The provider's answer reaches another replica than the one that had asked.
    back = urlsplit(await callback_of(replicas.first, "admin"))
    answer = await replicas.second.get(f"{back.path}?{back.query}")
    assert answer.status_code == 302, answer.text
    assert await replicas.signed_in() == [True, True]

    token = await csrf(replicas.first)
    for replica in (replicas.first, replicas.second):
        assert (await replica.post("/api/workers", json=WORKER, headers=token)).status_code == 201
    answers = await asyncio.gather(
        *(each.post("/api/auth/refresh", headers=token) for each in (replicas.first, replicas.second) * 4)
    )
    assert [each.json()["authenticated"] for each in answers] == [True] * 8, "a refresh token was used twice"

    kept = replicas.first.cookies[COOKIE]
    assert (await replicas.second.post("/api/auth/logout", headers=token)).status_code == 200
    replicas.first.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert await replicas.signed_in() == [False, False]


async def test_redis_killed_and_started_again_signs_nobody_out(replicas: Replicas, redis: RedisServer) -> None:
    await sign_in(replicas.first, "admin")
    token = await csrf(replicas.first)
    await asyncio.to_thread(redis.kill)
    for replica in (replicas.first, replicas.second):
        refused = await replica.post("/api/workers", json=WORKER, headers=token)
        assert (refused.status_code, refused.json()["code"]) == (503, "SessionStoreAway")
        assert COOKIE not in str(refused.headers.get_list("set-cookie")), "the browser would forget who it is"
    await redis.start()
    assert await replicas.signed_in() == [True, True]
    assert (await replicas.second.post("/api/workers", json=WORKER, headers=token)).status_code == 201


@pytest.mark.parametrize("fault", ["flushed", "evicted"])
async def test_a_session_that_redis_lost_is_over_everywhere_and_can_be_made_again(
    replicas: Replicas, redis: RedisServer, fault: str
) -> None:
    await sign_in(replicas.first, "admin")
    assert await replicas.signed_in() == [True, True]
    async with Redis.from_url(redis.url) as server:
        if fault == "flushed":
            await server.flushall()
        else:
            # Somebody set the wrong policy and others filled the memory.
            await server.config_set("maxmemory-policy", "allkeys-lru")
            await server.config_set("maxmemory", "1500kb")
            for number in range(200):
                await server.set(f"other:{number}", b"x" * 20_000)
            assert not await server.keys("session:[!u]*"), "nothing was evicted"
            await server.config_set("maxmemory", "0")
    assert await replicas.signed_in() == [False, False]
    refused = await replicas.second.get("/api/workers")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    await sign_in_again(replicas)
    assert await replicas.signed_in() == [True, True]


async def sign_in_again(replicas: Replicas) -> None:
    """The provider still knows the browser, so no password is asked for."""
    begun = await replicas.first.get("/api/auth/login")
    back = await replicas.first.get((await replicas.first.get(begun.headers["location"])).headers["location"])
    assert back.status_code == 302
