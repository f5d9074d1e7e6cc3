"""The process: it starts, says what it lacks, and stops."""

import asyncio
import signal
import time
from collections.abc import Callable

import httpx
from plane_process import PlaneProcess

from control_plane_api.domain.worker.template import SEEDS


async def test_a_ready_control_plane_answers_every_probe_and_shows_its_metrics(plane: PlaneProcess) -> None:
    async with plane.caller() as http:
        for path in ("/health/live", "/health/ready", "/health/started", "/api/health/ready", "/api/health/live"):
            assert (await http.get(path)).status_code == 200, path
        metrics = (await http.get("/metrics")).text
    assert "lcm_request_handling_seconds" in metrics


async def test_the_api_is_described_and_the_console_is_served(plane: PlaneProcess) -> None:
    async with plane.caller() as http:
        document = (await http.get("/api/openapi.json")).json()
        assert "/lablet-sessions/{session_id}" in document["paths"]
        assert (await http.get("/api/docs")).status_code == 200
        page = await http.get("/")
        assert page.status_code == 200
        assert "Lablet Cloud Manager" in page.text
        missing = await http.get("/api/no-such-thing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


async def test_a_new_installation_has_templates_and_sealed_fleet_secrets(plane: PlaneProcess) -> None:
    async with plane.caller("admin") as http:
        found = (await http.get("/api/worker-templates")).json()["items"]
    assert {item["spec"]["name"] for item in found} >= {seed.name for seed in SEEDS}
    assert any(item["spec"]["instance_type"] == "m5zn.metal" for item in found)


async def test_without_stores_it_is_live_but_not_ready_and_names_each_missing_one(
    plane_factory: Callable[..., PlaneProcess], realm: object
) -> None:
    plane = plane_factory(
        LCM_ETCD_ENDPOINTS="127.0.0.1:1", MONGODB_URI="mongodb://127.0.0.1:1/", KEYCLOAK_URL="http://127.0.0.1:1"
    )
    plane.choose_ports()
    plane._launch()
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(base_url=plane.url, timeout=10, trust_env=False) as http:
        while time.monotonic() < deadline:
            try:
                live = await http.get("/api/health/live")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        assert live.status_code == 200
        ready = await http.get("/api/health/ready")
        assert ready.status_code == 503
        checks = ready.json()["checks"]
        assert {name for name, state in checks.items() if state != "ok"} >= {"etcd", "database", "identity"}
        assert (await http.get("/")).status_code == 200


async def test_sigterm_ends_it_cleanly_and_soon(plane_factory: Callable[..., PlaneProcess]) -> None:
    plane = plane_factory()
    await plane.start()
    process = plane._process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=8) == 0
