"""The platform around the lablet controller: real processes, and this test in the roles of scheduler, worker
controller, author and learner.
"""

import asyncio
import io
import secrets
import sys
import time
import uuid
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import SecretStr

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.http import ApiClient
from lcm_core.clock import DomainClock
from lcm_core.contracts.common import ConditionReport, Slot
from lcm_core.contracts.definitions import ArtifactView, CreateDefinition, DefinitionView
from lcm_core.contracts.platform import ObtainTerm
from lcm_core.contracts.sessions import (
    Explanation,
    LaunchView,
    PlacementBatch,
    PlaceSession,
    ReserveSession,
    ScoreReportView,
    SessionView,
)
from lcm_core.contracts.workers import CmlInfo, InstanceInfo, LicenseInfo, ReportWorker, TemplateView, WorkerView
from lcm_core.domain.vocabulary import ConditionStatus, DefinitionPhase, ServiceName, SessionPhase, WorkerPhase
from lcm_core.etcd import EtcdClient, election_key
from lcm_core.security.tokens import BearerAuth, ClientCredentials
from lcm_simulators.embedded.reservations import free_network
from lcm_simulators.world import World

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from demo_parts.learner import Learner  # noqa: E402

T = TypeVar("T")
PATIENCE = 30.0
LAYERS = ("InstanceRunning", "CmlReachable", "CmlReady", "Licensed", "CapacityKnown")


def package(files: Mapping[str, str | bytes], comment: str = "") -> bytes:
    """A zip with these files; a comment of its own makes it another one than any before."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment.encode()
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


async def until(what: str, look: Callable[[], Awaitable[T | None]], within: float = PATIENCE) -> T:
    """The first answer that is not None. Fails with ``what`` when none comes in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {within:g} s: {what}")


class Rig:
    """Everything a test needs; see the module's text."""

    def __init__(self, world: World, stack: AsyncExitStack) -> None:
        self.world = world
        self._stack = stack
        self.clock = DomainClock(world.clock_file)
        self._network = f"{free_network()}.1"
        self._hosts = 0
        self.other_lds = ""

    async def __aenter__(self) -> "Rig":
        self.http = await self._stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=15))
        base = self.world.url("control-plane")
        login = await self.http.post(f"{base}/api/auth/login", json={"username": "admin", "password": "test"})
        login.raise_for_status()
        token = {"Authorization": f"Bearer {login.json()['access_token']}"}
        self.person = token
        self.api = await self._stack.enter_async_context(ApiClient(base, name="control plane", headers=lambda: token))
        self.admin = ControlPlaneClient(self.api)
        self.scheduler = await self._controller("resource-scheduler")
        self.workers = await self._controller("worker-controller")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def _token_url(self) -> str:
        return f"{self.world.url('identity')}/realms/lablet-cloud-manager/protocol/openid-connect/token"

    async def token(self, service: str) -> str:
        """An access token of a service account."""
        form = {
            "grant_type": "client_credentials",
            "client_id": f"lcm-{service}",
            "client_secret": f"lcm-{service}-dev-secret",
        }
        answer = await self.http.post(self._token_url, data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    async def _controller(self, service: str) -> ControlPlaneClient:
        headers: dict[str, str] = {}
        # Renewed when it is old: the tests of a module may take longer than a token lives.
        tokens = ClientCredentials(self._token_url, f"lcm-{service}", SecretStr(f"lcm-{service}-dev-secret"), self.http)
        api = await self._stack.enter_async_context(
            ApiClient(
                self.world.url("control-plane"), name="control plane", auth=BearerAuth(tokens), headers=lambda: headers
            )
        )
        client = ControlPlaneClient(api)
        async with EtcdClient([f"127.0.0.1:{self.world.settings.ports.etcd}"]) as etcd:
            key = election_key(service, 0)
            await etcd.put(key, b"test")
            held = await etcd.get(key)
        assert held is not None
        won = ObtainTerm(
            service=ServiceName(service),
            shard=0,
            etcd_key=key,
            create_revision=held.create_revision,
            identity="test",
        )
        term = (await client.obtain_term(won)).term
        headers |= {"X-LCM-Controller": service, "X-LCM-Shard": "0", "X-LCM-Term": str(term)}
        return client

    # Workers ---------------------------------------------------------------------------------------------------

    async def worker(self, region: str = "") -> WorkerView:
        """A running worker with a simulated CML of its own, in the template's first region unless told otherwise."""
        self._hosts += 1
        instance = f"i-{uuid.uuid4().hex[:12]}"
        config = {
            "address": f"{self._network}.{self._hosts}",
            "port": 8443,
            "admin_password": self.world.settings.secret("LCM_CML_PASSWORD"),
            "boot_seconds": 0,
            "max_nodes_unlicensed": 300,
        }
        url = f"{self.world.url('cml')}/admin/controllers/{instance}"
        (await self.http.put(url, json=config)).raise_for_status()

        async def ready() -> bool | None:
            return True if (await self.http.get(url)).json().get("ready") else None

        await until("the simulated CML is ready", ready)
        made = await self.api.call(
            "POST",
            "/api/workers",
            body={"template_id": await self._template(region), "name": instance, "region": region},
            response=WorkerView,
        )
        for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
            good = [
                ConditionReport(type=layer, status=ConditionStatus.TRUE, reason="Good", message="") for layer in LAYERS
            ]
            report = ReportWorker(
                phase=phase,
                reason="Seen",
                message=str(phase),
                conditions=good if phase is WorkerPhase.RUNNING else [],
                endpoint=f"https://{config['address']}:8443",
                instance=InstanceInfo(instance_id=instance, state="running"),
                cml=CmlInfo(ready=True, version="2.9.1"),
                license=LicenseInfo(status="valid", node_limit=300),
            )
            await self.workers.report_worker(made.id, report)
        return await self.workers.worker(made.id)

    async def _template(self, region: str) -> str:
        """The seeded template, or one of the same machine in another region."""
        if not region:
            return "metal-many"
        known = {view.spec.name: view async for view in self.admin.templates()}
        name = f"metal-{region}"
        if name not in known:
            spec = known["metal-many"].spec.model_copy(update={"name": name, "regions": [region]})
            made = await self.api.call("POST", "/api/worker-templates", body=spec, response=TemplateView)
            return made.id
        return known[name].id

    async def worker_phase(self, worker_id: str, phase: WorkerPhase) -> None:
        """Say that a worker is in another phase."""
        await self.workers.report_worker(worker_id, ReportWorker(phase=phase, reason="Test", message="by the test"))

    # Content ---------------------------------------------------------------------------------------------------

    async def define(self, content: bytes, **changes: object) -> DefinitionView:
        """Upload and declare; the definition with the verdict."""
        name = f"lab-{uuid.uuid4().hex[:8]}"
        artifact = await self.api.upload(
            "/api/artifacts",
            filename="package.zip",
            content_type="application/zip",
            content=content,
            response=ArtifactView,
        )
        body = {
            "name": name,
            "form_qualified_name": f"Test LCM {name} LAB 1 a",
            "title": "Two routers",
            "artifact_id": artifact.id,
            **changes,
        }
        made = await self.api.call(
            "POST", "/api/lablet-definitions", body=CreateDefinition.model_validate(body), response=DefinitionView
        )

        async def judged() -> DefinitionView | None:
            seen = await self.admin.definition(made.id)
            waits = seen.status.phase is DefinitionPhase.PENDING_SYNC and not seen.status.sync.errors
            return None if waits else seen

        return await until("a verdict on the content", judged)

    # Sessions --------------------------------------------------------------------------------------------------

    async def reserve(self, definition: DefinitionView, minutes: int = 60) -> SessionView:
        """A reservation as soon as possible."""
        body = ReserveSession(definition_id=definition.id, as_soon_as_possible=True, duration_minutes=minutes)
        return await self.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)

    async def place(
        self,
        session: SessionView,
        worker: WorkerView,
        definition: DefinitionView,
        minutes: float = 60,
        *,
        first_port: int = 0,
        claimed_later: timedelta = timedelta(0),
    ) -> None:
        """Give a session its place, with ports counted up from the first one (0: a random one)."""
        assert definition.status.content is not None
        now, session = self.clock.now(), await self.admin.session(session.id)
        first = first_port or 2000 + secrets.randbelow(5000)
        names = [slot.name for slot in definition.status.content.port_template]
        booked = Slot(start=now, end=now + timedelta(minutes=minutes))
        wish = PlaceSession(
            session_id=session.id,
            expected_version=session.version,
            worker_id=worker.id,
            claim_id=f"c-{uuid.uuid4().hex[:10]}",
            booked=booked,
            claim_from=booked.start + claimed_later,
            claim_until=booked.end + timedelta(minutes=5) + claimed_later,
            resources=definition.status.requirements,
            ports={name: first + index for index, name in enumerate(names)},
            explanation=Explanation(at=now, reason="Placed", message="by the test", chosen_worker_id=worker.id),
        )
        result = (await self.scheduler.place(PlacementBatch(items=[wish]))).items[0]
        assert result.status == 200, result.detail

    async def start(self, definition: DefinitionView, worker: WorkerView, minutes: float = 60) -> SessionView:
        """Reserve and place."""
        session = await self.reserve(definition)
        await self.place(session, worker, definition, minutes)
        return session

    async def reach(self, session_id: str, *phases: SessionPhase, within: float = PATIENCE) -> SessionView:
        """Wait for one of the phases."""
        seen = await self.admin.session(session_id)

        async def there() -> SessionView | None:
            nonlocal seen
            seen = await self.admin.session(session_id)
            return seen if seen.status.phase in phases else None

        try:
            return await until(f"{session_id} is {' or '.join(phases)}", there, within)
        except AssertionError as error:
            pipeline = seen.status.pipeline.model_dump_json() if seen.status.pipeline else ""
            raise AssertionError(f"{error}; it is {seen.status.phase}: {seen.status.message} {pipeline}") from error

    async def ask(self, session_id: str, wish: str) -> None:
        """An owner's wish: cancel, stop, resume, restart, collect-and-grade, observe."""
        await self.api.call("POST", f"/api/lablet-sessions/{session_id}/{wish}", body={} if wish == "cancel" else None)

    async def learner(self, session_id: str) -> Learner:
        """Whoever has the link."""
        link = await self.api.call("GET", f"/api/lablet-sessions/{session_id}/launch", response=LaunchView)
        return Learner(link.url)

    async def score(self, session_id: str) -> ScoreReportView:
        """The stored report."""
        return await self.api.call("GET", f"/api/lablet-sessions/{session_id}/score-report", response=ScoreReportView)

    # What the outside world holds ------------------------------------------------------------------------------

    @asynccontextmanager
    async def cml(self, worker: WorkerView) -> AsyncIterator[httpx.AsyncClient]:
        """The worker's CML as its administrator."""
        base = f"{worker.status.endpoint}/api/v0"
        async with httpx.AsyncClient(base_url=base, verify=False, trust_env=False) as http:
            body = {"username": "admin", "password": self.world.settings.secret("LCM_CML_PASSWORD")}
            login = await http.post("/authenticate", json=body)
            login.raise_for_status()
            http.headers["Authorization"] = f"Bearer {login.json()}"
            yield http

    async def labs(self, worker: WorkerView) -> list[str]:
        """Titles of the labs on a worker."""
        async with self.cml(worker) as http:
            ids = (await http.get("/labs", params={"show_all": "true"})).json()
            seen = [await http.get(f"/labs/{lab}") for lab in ids]
            return [answer.json()["lab_title"] for answer in seen if answer.is_success]

    async def lds_states(self, session_id: str, base: str = "") -> list[str]:
        """States of the delivery sessions of a session, at the common deployment or another one."""
        auth = httpx.BasicAuth("lcm", self.world.settings.secret("LCM_LDS_PASSWORD"))
        url = f"{base or self.world.url('lds')}/reservations/v3/lab_session"
        answer = await self.http.get(url, params={"auth_id": session_id}, auth=auth)
        answer.raise_for_status()
        return [item["state"] for item in answer.json()["items"]]

    async def misbehave(self, simulator: str, *faults: Mapping[str, object]) -> None:
        """Have a simulator misbehave; no faults mean that it behaves again."""
        url = f"{self.world.url(simulator)}/admin/faults"
        (await self.http.put(url, json=list(faults))).raise_for_status()

    async def faults_left(self, simulator: str) -> int:
        """How many faults have not struck yet."""
        return len((await self.http.get(f"{self.world.url(simulator)}/admin/faults")).json())

    async def type_in(self, worker: WorkerView, lab_id: str, label: str, configuration: str) -> None:
        """Give a device another running configuration."""
        instance = worker.status.instance.instance_id
        url = f"{self.world.url('cml')}/admin/controllers/{instance}/labs/{lab_id}/nodes/{label}/configuration"
        (await self.http.put(url, content=configuration.encode())).raise_for_status()
