"""A controller service as processes: start, health, leadership, admin API with forwarding, clean stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI, Header
from joserfc import jwt
from joserfc.jwk import RSAKey

from lcm_core.contracts.platform import ControllerHeartbeat, ObtainTerm
from lcm_core.etcd import EtcdClient, StateSummary, encode_state, object_key
from lcm_core.security.verification import InvalidToken, TokenVerifier
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.process import free_port

REALM = "/realms/lablet-cloud-manager"
SERVICE = "worker-controller"


class Platform:
    """The identity provider and the control plane, as far as a controller needs them to start."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.term = 0
        self.heartbeats: list[ControllerHeartbeat] = []
        self.app = FastAPI()
        self.app.get(f"{REALM}/protocol/openid-connect/certs")(self.certs)
        self.app.post(f"{REALM}/protocol/openid-connect/token")(self.token)
        self.app.post("/api/internal/terms")(self.terms)
        self.app.post("/api/internal/controllers/heartbeat", status_code=204)(self.heartbeat)

    async def certs(self) -> dict[str, object]:
        return {"keys": [self.key.as_dict(private=False)]}

    async def token(self) -> dict[str, object]:
        return {"access_token": self.access_token(SERVICE), "expires_in": 300}

    async def terms(self, body: ObtainTerm, authorization: str = Header()) -> dict[str, object]:
        assert authorization.startswith("Bearer ")
        self.term += 1
        return {"service": body.service, "shard": body.shard, "term": self.term}

    async def heartbeat(self, body: ControllerHeartbeat) -> None:
        self.heartbeats.append(body)

    def access_token(self, *roles: str, **changes: object) -> str:
        claims = {
            "iss": f"{self.url}{REALM}",
            "aud": ["lcm-api"],
            "sub": "someone",
            "exp": int(time.time()) + 300,
            "realm_access": {"roles": list(roles)},
            **changes,
        }
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    port = free_port()
    stand_in = Platform(f"http://127.0.0.1:{port}")
    config = uvicorn.Config(stand_in.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield stand_in
    finally:
        server.should_exit = server.force_exit = True
        await task


class Service:
    """``service_process.py`` and its admin API."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    @classmethod
    async def start(cls, etcd: str, stand_in: Platform, log: Path) -> "Service":
        port = free_port()
        environment = {
            **os.environ,
            "LCM_ETCD_ENDPOINTS": etcd,
            "LCM_CONTROL_PLANE_URL": stand_in.url,
            "KEYCLOAK_URL": stand_in.url,
            "LCM_CLIENT_ID": "lcm-worker-controller",
            "LCM_CLIENT_SECRET": "very-secret-value",
            "LCM_ADMIN_PORT": str(port),
            "LCM_ELECTION_LEASE_SECONDS": "3",
            "LCM_ELECTION_MARGIN_SECONDS": "1",
        }
        with log.open("ab") as output:
            script = Path(__file__).with_name("service_process.py")
            process = await asyncio.create_subprocess_exec(sys.executable, str(script), env=environment, stderr=output)
        service = cls(process, f"http://127.0.0.1:{port}")
        await service.until("/health/ready")
        return service

    async def until(self, path: str) -> None:
        """Wait until a health path answers 200."""
        async with asyncio.timeout(30), httpx.AsyncClient() as http:
            while True:
                assert self.process.returncode is None, "the service ended"
                try:
                    if (await http.get(self.url + path)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)

    async def call(self, method: str, path: str, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient() as http:
            return await http.request(method, self.url + path, headers=headers)

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                raise
        return await self.process.wait()


async def leader(store: EtcdClient, *, other_than: str = "") -> str:
    """Admin URL of the leader, once there is one."""
    async with asyncio.timeout(20):
        while True:
            held = await store.get(f"/lcm-run/elections/{SERVICE}/0")
            if held is not None and (url := str(orjson.loads(held.value)["admin_url"])) != other_than:
                return url
            await asyncio.sleep(0.01)


async def inspected(service: Service, token: str, sentence: str) -> dict[str, object]:
    """The key ``w1`` once its last reconcile said the sentence; asked at any process."""
    async with asyncio.timeout(15):
        while True:
            answer = await service.call("GET", "/admin/keys/w1", token)
            if answer.status_code == 200 and answer.json()["items"][0]["sentence"] == sentence:
                item: dict[str, object] = answer.json()["items"][0]
                return item
            await asyncio.sleep(0.02)


async def write_worker(store: EtcdClient, version: int) -> None:
    await store.put_guarded(object_key("workers", "w1"), encode_state(StateSummary(version, 1, "running")))


async def test_two_processes_share_the_work_and_stop_cleanly(
    store: EtcdClient, etcd_server: EtcdServer, tmp_path: Path
) -> None:
    await write_worker(store, 1)
    log = tmp_path / "service.log"
    async with platform() as stand_in:
        services = [await Service.start(etcd_server.endpoint, stand_in, log) for _ in range(2)]
        try:
            first_url = await leader(store)
            first = next(service for service in services if service.url == first_url)
            second = next(service for service in services if service is not first)
            admin = stand_in.access_token("admin")

            assert (await inspected(first, admin, "Version 1 was seen."))["reason"] == "Seen"
            assert (await inspected(second, admin, "Version 1 was seen."))["controller"] == "workers", "forwarded"
            assert (await second.call("POST", "/admin/keys/w1/pause", admin)).json()["items"][0]["paused"]
            await write_worker(store, 2)
            assert (await first.call("POST", "/admin/keys/w1/trigger", admin)).status_code == 200
            assert (await first.call("POST", "/admin/keys/w1/resume", admin)).status_code == 200
            await inspected(first, admin, "Version 2 was seen.")

            assert (await first.call("GET", "/admin/keys/w1")).status_code == 401
            assert (await first.call("GET", "/admin/keys/w1", "nonsense")).status_code == 401
            assert (await first.call("GET", "/admin/keys/w1", stand_in.access_token("user"))).status_code == 403
            metrics = (await first.call("GET", "/metrics")).text
            assert 'lcm_leader{service="worker-controller",shard="0"} 1.0' in metrics
            status = await store.list(f"/lcm-run/status/{SERVICE}/")
            assert len(status.items) == 2

            assert await first.stop() == 0
            assert await leader(store, other_than=first_url) == second.url
            await write_worker(store, 3)
            await inspected(second, admin, "Version 3 was seen.")
            assert await second.stop() == 0
            assert (await store.list(f"/lcm-run/members/{SERVICE}/")).items == ()
        finally:
            for service in services:
                await service.stop()
    assert stand_in.heartbeats
    assert "very-secret-value" not in log.read_text()


async def test_a_taken_admin_port_is_a_clear_message(etcd_server: EtcdServer, tmp_path: Path) -> None:
    async with platform() as stand_in:
        service = await Service.start(etcd_server.endpoint, stand_in, tmp_path / "a.log")
        try:
            environment = {**os.environ, "LCM_ADMIN_PORT": service.url.rsplit(":", 1)[1]}
            script = Path(__file__).with_name("service_process.py")
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(script), env=environment, stderr=asyncio.subprocess.PIPE
            )
            _, errors = await asyncio.wait_for(process.communicate(), 20)
        finally:
            await service.stop()
    assert process.returncode == 1
    assert b"the admin API cannot listen on 127.0.0.1" in errors


@pytest.mark.parametrize(
    "changes",
    [{"iss": "http://elsewhere"}, {"aud": ["other"]}, {"exp": 1}, {"sub": None}],
    ids=["issuer", "audience", "expiry", "subject"],
)
async def test_a_token_that_is_wrong_in_one_claim_is_refused(changes: dict[str, object]) -> None:
    async with platform() as stand_in, httpx.AsyncClient() as http:
        verifier = TokenVerifier(
            issuer=f"{stand_in.url}{REALM}",
            audience="lcm-api",
            jwks_url=f"{stand_in.url}{REALM}/protocol/openid-connect/certs",
            http=http,
        )
        who = await verifier.verify(stand_in.access_token("manager", preferred_username="manager"))
        assert (who.username, who.roles) == ("manager", frozenset({"manager"}))
        with pytest.raises(InvalidToken):
            await verifier.verify(stand_in.access_token("admin", **changes))
