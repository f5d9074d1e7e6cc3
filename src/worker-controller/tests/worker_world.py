"""A control plane, an EC2 world with simulated CML controllers, and the worker controller as a process of its own."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.common import Page
from lcm_core.contracts.platform import ObtainTerm, TaskView
from lcm_core.contracts.workers import CreateWorker, ReportWorkerLabs, TemplateView, UnmanagedUsage, WorkerView
from lcm_core.domain.vocabulary import ServiceName, WorkerPhase
from lcm_core.etcd import EtcdClient, election_key
from lcm_core.failpoints import EXIT_CODE
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.supervisor.plan import shared_environment
from lcm_simulators.world import World

ResultT = TypeVar("ResultT")
REGION = "us-east-1"
TEMPLATE = "single-session"
LABLETS = "lablet-controller"
CLOCK_FACTOR = 20.0
QUICK = {
    "LCM_ELECTION_LEASE_SECONDS": "2",
    "LCM_ELECTION_MARGIN_SECONDS": "0.5",
    "LCM_WORKER_STEADY_SECONDS": "20",
    "LCM_WORKER_METRICS_POLL_SECONDS": "20",
    "LCM_WORKER_DISCOVERY_SECONDS": "20",
    "LCM_WORKER_ORPHAN_GRACE_MINUTES": "0.5",
    "LCM_WORKER_LICENSE_RETRY_MINUTES": "0.3",
    "LCM_WORKER_LICENSE_SETTLING_SECONDS": "2",
    "LCM_WORKER_BREAKER_MINUTES": "1",
    "LCM_LOG_FORMAT": "text",
}
PATIENCE = 40.0


class ControllerProcess(EmbeddedServer):
    """``python -m worker_controller``."""

    name = "worker-controller"

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        super().__init__(data_dir, environment=environment)

    def command(self) -> list[str]:
        """See ``EmbeddedServer``."""
        return ["env", f"LCM_ADMIN_PORT={self.port}", sys.executable, "-m", "worker_controller"]

    def launch(self) -> None:
        """Start without waiting: it may die before it is healthy."""
        self.choose_ports()
        self._launch()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    async def healthy(self) -> bool:
        """See ``EmbeddedServer``."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                return (await http.get(f"http://{self.address}/health/started")).status_code == 200
        except httpx.TransportError:
            return False


async def until(what: str, look: Callable[[], Awaitable[ResultT | None]], within: float = PATIENCE) -> ResultT:
    """The first answer that is not None; fails naming what was waited for."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {within:g} s: {what}")


class WorkerWorld:
    """The running world and what tests do with it."""

    def __init__(self, world: World, api: ApiClient, folder: Path) -> None:
        self.world = world
        self.api = api
        self._folder = folder
        self._processes: list[ControllerProcess] = []
        self.controller: ControllerProcess | None = None

    # The worker controller -------------------------------------------------------------------------------------

    def _environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            **shared_environment(self.world.settings),
            "LCM_CLIENT_ID": "lcm-worker-controller",
            "LCM_CLIENT_SECRET": "lcm-worker-controller-dev-secret",
            **QUICK,
            **more,
        }

    async def run_controller(self, **settings: str) -> ControllerProcess:
        """Start a worker controller; an earlier one is stopped first."""
        await self.stop_controller()
        process = self._make(**settings)
        await process.start()
        return process

    def _make(self, **settings: str) -> ControllerProcess:
        process = ControllerProcess(self._folder / f"controller-{len(self._processes)}", self._environment(**settings))
        self._processes.append(process)
        self.controller = process
        return process

    async def stop_controller(self) -> None:
        """Stop the present worker controller."""
        if self.controller is not None:
            await self.controller.stop(10)
            self.controller = None

    async def dies_at(self, failpoint: str, act: Callable[[], Awaitable[object]] | None = None) -> None:
        """Run a controller that ends itself at a failpoint, as SIGKILL would, and wait for that."""
        await self.stop_controller()
        process = self._make(LCM_FAILPOINTS=failpoint)
        process.launch()
        if act is not None:
            await act()

        async def dead() -> bool | None:
            return True if process.exit_code is not None else None

        await until(f"the controller dies at {failpoint}", dead)
        assert process.exit_code == EXIT_CODE, f"it did not die at {failpoint} but of {process.exit_code}"
        self.controller = None
        # As if the dead leader's lease had run out, which the elections' own tests wait for.
        async with self._etcd() as etcd:
            await etcd.delete(election_key("worker-controller", 0))

    def _etcd(self) -> EtcdClient:
        return EtcdClient([self.world.url("etcd").removeprefix("http://")])

    # Workers ---------------------------------------------------------------------------------------------------

    async def create(self, template: str = TEMPLATE, *, region: str = "", **tags: str) -> str:
        """Ask for a worker; its id."""
        body = CreateWorker(template_id=await self.template_id(template), region=region, tags=tags)
        return (await self.api.call("POST", "/api/workers", body=body, response=WorkerView)).id

    async def template_id(self, name: str = TEMPLATE) -> str:
        """Id of a template."""
        page = await self.api.call("GET", "/api/worker-templates", response=Page[TemplateView])
        return next(each.id for each in page.items if each.spec.name == name)

    async def define_template(self, name: str, **changes: object) -> None:
        """A template like the usual one but for some fields."""
        page = await self.api.call("GET", "/api/worker-templates", response=Page[TemplateView])
        usual = next(each.spec for each in page.items if each.spec.name == TEMPLATE)
        body = usual.model_copy(update={"name": name, **changes})
        await self.api.call("POST", "/api/worker-templates", body=body, response=TemplateView)

    async def worker(self, worker_id: str) -> WorkerView:
        """The worker as it is now."""
        return await self.api.call("GET", f"/api/workers/{worker_id}", response=WorkerView)

    async def ask(self, worker_id: str, wish: str) -> None:
        """An operator's wish: start, stop, drain, terminate, license/register, …"""
        await self.api.call("POST", f"/api/workers/{worker_id}/{wish}", body={})

    async def reach(self, worker_id: str, *phases: WorkerPhase, within: float = PATIENCE) -> WorkerView:
        """Wait for one of the phases."""
        seen = await self.worker(worker_id)

        async def there() -> WorkerView | None:
            nonlocal seen
            seen = await self.worker(worker_id)
            return seen if seen.status.phase in phases else None

        try:
            return await until(f"{worker_id} {' or '.join(phases)}", there, within)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen.status.phase}: {seen.status.message}") from error

    async def when(
        self, worker_id: str, what: str, holds: Callable[[WorkerView], bool], within: float = PATIENCE
    ) -> WorkerView:
        """Wait until something holds of a worker."""

        async def look() -> WorkerView | None:
            seen = await self.worker(worker_id)
            return seen if holds(seen) else None

        return await until(f"{worker_id} {what}", look, within)

    async def tasks(self, subject: str) -> list[TaskView]:
        """Open tasks about something."""
        params = {"phase": "open", "limit": "200"}
        page = await self.api.call("GET", "/api/tasks", params=params, response=Page[TaskView])
        return [task for task in page.items if task.spec.target_id == subject]

    async def clear_labs(self, worker_id: str) -> None:
        """What the lablet controller does to a worker that ends."""
        async with self.lablets() as lablets:
            body = ReportWorkerLabs(unmanaged=UnmanagedUsage(), clear_labs_finalizer=True)
            await lablets.report_worker_labs(worker_id, body)

    async def end(self, worker_id: str) -> WorkerView:
        """Terminate a worker with its labs cleared, and wait until it is gone."""
        await self.ask(worker_id, "terminate")
        seen = await self.reach(worker_id, WorkerPhase.TERMINATING, WorkerPhase.TERMINATED)
        if "labs" in seen.status.finalizers:
            await self.clear_labs(worker_id)
        return await self.reach(worker_id, WorkerPhase.TERMINATED)

    @asynccontextmanager
    async def lablets(self) -> AsyncIterator[ControlPlaneClient]:
        """The control plane as the lablet controller's leader."""
        async with self.service(LABLETS) as client:
            yield client

    @asynccontextmanager
    async def service(self, service: str) -> AsyncIterator[ControlPlaneClient]:
        """The control plane as the leader of a service: wins an election and obtains its term."""
        realm = f"{self.world.url('identity')}/realms/lablet-cloud-manager"
        form = {
            "grant_type": "client_credentials",
            "client_id": f"lcm-{service}",
            "client_secret": f"lcm-{service}-dev-secret",
        }
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{realm}/protocol/openid-connect/token", data=form)
            answer.raise_for_status()
        fence = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        plane = ApiClient(self.world.url("control-plane"), name="control plane", headers=lambda: fence)
        async with self._etcd() as etcd, plane as api:
            client = ControlPlaneClient(api)
            key = election_key(service, 0)
            await etcd.delete(key)
            await etcd.put(key, b"test")
            held = await etcd.get(key)
            assert held is not None
            term = await client.obtain_term(
                ObtainTerm(
                    service=ServiceName(service),
                    shard=0,
                    etcd_key=key,
                    create_revision=held.create_revision,
                    identity="test",
                )
            )
            fence |= {"X-LCM-Controller": service, "X-LCM-Shard": "0", "X-LCM-Term": str(term.term)}
            yield client

    # Outside ---------------------------------------------------------------------------------------------------

    async def admin(self, simulator: str, method: str, path: str, body: object = None) -> httpx.Response:
        """Call a simulator's admin API."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.request(method, f"{self.world.url(simulator)}/admin/{path}", json=body)
        answer.raise_for_status()
        return answer

    async def instances_of(self, worker_id: str) -> list[dict[str, object]]:
        """Every instance, dead or alive, that was launched for a worker."""
        found = (await self.admin("ec2", "GET", "instances")).json()
        return [each for each in found if each["tags"].get("lcm:worker-id") == worker_id]

    async def calls(self, simulator: str, operation: str) -> list[dict[str, object]]:
        """Journal entries of one operation."""
        entries = (await self.admin(simulator, "GET", "journal")).json()["entries"]
        return [entry for entry in entries if entry["operation"] == operation]

    async def struck(self, simulator: str) -> int:
        """How many calls a fault has hit since the simulator started."""
        entries = (await self.admin(simulator, "GET", "journal")).json()["entries"]
        return sum(1 for entry in entries if entry["note"].startswith("fault:"))

    async def registrations(self) -> list[dict[str, object]]:
        """What the license server counts, left registrations included."""
        found: list[dict[str, object]] = (await self.admin("cml", "GET", "licenses")).json()["registrations"]
        return found

    async def behave(self) -> None:
        """End every fault."""
        await self.admin("ec2", "PUT", "faults", [])
        await self.admin("cml", "PUT", "faults", [])
        await self.admin("ec2", "PUT", "world", {"throttle": {"enabled": False}})
        await self.admin("cml", "PUT", "licenses/settings", {})


@asynccontextmanager
async def worker_world(folder: Path) -> AsyncIterator[WorkerWorld]:
    """Everything but the other controllers, with machines that boot at once."""
    world = World(
        folder / "world",
        ports="ephemeral",
        clock_factor=CLOCK_FACTOR,
        boot_scale=0.0,
        durable=False,
        only={"control-plane", "ec2"},
        report=lambda _: None,
    )
    async with world:
        url = world.url("control-plane")
        async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
            answer = await http.post(f"{url}/api/auth/login", json={"username": "admin", "password": "test"})
            answer.raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        async with ApiClient(url, name="the platform", headers=lambda: headers) as api:
            made = WorkerWorld(world, api, folder)
            await made.behave()
            try:
                yield made
            finally:
                await made.stop_controller()
