"""The production stack: sign-in and a lab through nginx, stores that refuse strangers, restarts, a restore, TLS."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.platform import AuditEntryView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_simulators.embedded import free_port
from tests.compose.engine import Engine
from tests.compose.person import Deployed, person, sign_in
from tests.compose.production import (
    STORES,
    back_up,
    delivered,
    make_certificate,
    make_person,
    production,
    restore,
    running_labs,
    secret,
)
from tests.compose.stack import Stack, ready_answer
from tests.system.packages import two_routers
from tests.system.platform import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("images")]
PATIENCE_SECONDS = 240.0
SERVICES = ("control-plane-api", "resource-scheduler", "worker-controller", "lablet-controller")
LABS = 10
AT_ONCE = 3


@pytest.fixture(scope="module")
def stack(engine: Engine, keycloak: Path, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack."""
    running = production(engine, keycloak, tmp_path_factory.mktemp("production"), (free_port(), free_port()))
    try:
        running.build()
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(scope="module")
def url(stack: Stack) -> str:
    """The address of nginx."""
    port = stack.compose("port", "nginx", "80").strip().rpartition(":")[2]
    return f"http://localhost:{port}"


@pytest_asyncio.fixture
async def platform(stack: Stack, url: str) -> AsyncIterator[Deployed]:
    """The platform as its first administrator uses it, signed in at Keycloak."""
    async with person(url, await sign_in(url, "admin", secret(stack, "first_admin_password"))) as ready_platform:
        yield ready_platform


async def a_lab(platform: Deployed, definition: DefinitionView) -> tuple[str, float]:
    """A lab from its reservation to its end: the session's id and score."""
    session = await platform.reserve(definition)
    ended = await platform.play(session.id, PATIENCE_SECONDS)
    assert ended.status.outcome is SessionOutcome.COMPLETED, ended.status.message
    return session.id, (await platform.score(session.id)).score


def test_every_container_is_up_with_two_of_each_service(stack: Stack, url: str) -> None:
    assert '"status":"ready"' in ready_answer(url)
    assert stack.unwell("etcd-setup") == []
    services = [each.service.removesuffix("-2") for each in stack.containers()]
    assert {service: services.count(service) for service in SERVICES} == dict.fromkeys(SERVICES, 2)


async def test_a_lab_runs_through_nginx_for_somebody_who_signed_in_at_keycloak(
    platform: Deployed, tmp_path: Path
) -> None:
    _, score = await a_lab(platform, await platform.define(two_routers(tmp_path)))
    assert score == 2


def test_nginx_serves_grafana_and_keeps_the_metrics_for_the_own_network(url: str) -> None:
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as http:
        assert http.get("/grafana").headers["location"].endswith("/grafana/")
        assert http.get("/grafana/").status_code == 200
        assert http.get("/metrics").status_code == 404
        assert http.post("/events", json={}).status_code in (400, 401), "an event without a signature is refused"


STRANGER = """
import pymongo, redis
def said(ask):
    try: return str(ask())
    except Exception as error: return type(error).__name__ + ": " + str(error)
print(said(lambda: pymongo.MongoClient("mongodb://mongodb:27017/?directConnection=true").lcm.events.find_one()))
print(said(lambda: redis.Redis("redis").keys()))
"""


def test_the_stores_refuse_strangers(stack: Stack) -> None:
    mongodb, redis = stack.inside("control-plane-api", STRANGER).splitlines()
    assert "authentication" in mongodb
    assert "AuthenticationError" in redis
    with pytest.raises(AssertionError, match="user name is empty"):
        stack.compose("exec", "-T", "-e", "ETCDCTL_API=3", "etcd", "etcdctl", "get", "/lcm", "--prefix")


SCRAPED = """
import urllib.request
print(urllib.request.urlopen("http://prometheus:9090/api/v1/targets?state=active").read().decode())
"""


async def test_prometheus_scrapes_every_replica(stack: Stack) -> None:
    wanted = {"control-plane": 2, "resource-scheduler": 2, "lablet-controller": 1, "worker-controller": 1, "etcd": 1}

    async def all_up() -> dict[str, int] | None:
        told = json.loads(await asyncio.to_thread(stack.inside, "control-plane-api", SCRAPED))
        up = [each["labels"]["job"] for each in told["data"]["activeTargets"] if each["health"] == "up"]
        found = {job: up.count(job) for job in wanted}
        return found if found == wanted else None

    await until("every replica is scraped", all_up, 90)


async def test_labs_run_to_their_score_while_every_container_is_restarted(
    stack: Stack, platform: Deployed, tmp_path: Path
) -> None:
    definition = await platform.define(two_routers(tmp_path, "restarts"))
    restarted = [each for each in stack.containers() if each.service.removesuffix("-2") in SERVICES]
    scores: dict[str, float] = {}

    async def restart_all() -> None:
        for container in restarted:
            await asyncio.to_thread(stack.restart, container)

    async def labs_one_after_another() -> None:
        while len(scores) < LABS or not restarting.done():
            session_id, score = await a_lab(platform, definition)
            scores[session_id] = score

    restarting = asyncio.create_task(restart_all())
    async with asyncio.TaskGroup() as lanes:
        for _ in range(AT_ONCE):
            lanes.create_task(labs_one_after_another())
    await restarting
    assert len(restarted) == 8
    assert len(scores) >= LABS
    assert set(scores.values()) == {2}
    assert await delivered(stack, list(scores)) == [["ARCHIVED"]] * len(scores), "each was delivered once"


async def test_sessions_audit_and_a_running_lab_continue_after_the_stores_were_lost(
    stack: Stack, url: str, platform: Deployed, tmp_path: Path
) -> None:
    definition = await platform.define(two_routers(tmp_path, "restored"))
    ended = await platform.play((await platform.reserve(definition)).id, PATIENCE_SECONDS)
    running = await platform.reserve(definition)
    await platform.reach(running.id, SessionPhase.READY, within_seconds=PATIENCE_SECONDS)
    await (await platform.learner(running.id)).start()
    running = await platform.reach(running.id, SessionPhase.RUNNING, within_seconds=PATIENCE_SECONDS)
    labs, audit = running_labs(stack), await audited(platform, ended.id)
    password = await make_person(stack, url, "made-later")

    backup = back_up(stack, tmp_path / "backups")
    stack.destroy("world", STORES)
    restore(stack, backup)

    headers = await sign_in(url, "made-later", password)
    assert headers["Cookie"]
    async with person(url, await sign_in(url, "admin", secret(stack, "first_admin_password"))) as after:
        assert await audited(after, ended.id) == audit != set()
        assert (await after.session(ended.id)).status.outcome is SessionOutcome.COMPLETED
        assert (await after.score(ended.id)).score == 2
        again = await after.session(running.id)
        assert (again.status.phase, again.status.lab) == (SessionPhase.RUNNING, running.status.lab)
        assert running_labs(stack) == labs
        await (await after.learner(running.id)).finish()
        done = await after.reach(running.id, SessionPhase.TERMINATED, within_seconds=PATIENCE_SECONDS)
        assert done.status.outcome is SessionOutcome.COMPLETED
        assert (await after.score(running.id)).score == 2
    assert await delivered(stack, [ended.id, running.id]) == [["ARCHIVED"], ["ARCHIVED"]]


async def audited(platform: Deployed, session_id: str) -> set[str]:
    """The ids of a session's entries in the audit trail."""
    page: Page[AuditEntryView] = await platform.api.call(
        "GET", "/api/audit", params={"target_id": session_id}, response=Page[AuditEntryView]
    )
    return {entry.id for entry in page.items}


def test_nginx_offers_tls_and_sends_plain_requests_there(stack: Stack) -> None:
    certificate = make_certificate(Path(stack.settings["LCM_SECRETS_FOLDER"]) / "tls")
    secure = stack.changed(LCM_NGINX_MODE="tls")
    secure.up("--no-deps", "nginx")
    plain, port = (secure.compose("port", "nginx", each).strip().rpartition(":")[2] for each in ("80", "443"))
    with httpx.Client(verify=ssl.create_default_context(cafile=str(certificate)), trust_env=False, timeout=10) as http:
        sent = http.get(f"http://localhost:{plain}/sessions")
        assert (sent.status_code, sent.headers["location"]) == (301, "https://localhost/sessions")
        answer = http.get(f"https://localhost:{port}/health/ready")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_the_stack_leaves_nothing_when_it_is_removed(stack: Stack) -> None:
    assert stack.left() != []
    stack.down()
    assert stack.left() == []
