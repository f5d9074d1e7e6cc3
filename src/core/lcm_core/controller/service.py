"""One controller process from settings to clean exit, so that a service's ``main`` only declares its parts.

Order at start: logs and traces, clients, the service's parts, the admin server, informers, elections. Order at stop:
no new keys, running reconciles finish within the grace period, leaderships are given up, everything is closed.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any

import httpx
import orjson
import uvicorn

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import ApiError
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.platform import ControllerHeartbeat, ObtainTerm
from lcm_core.controller.admin import create_admin_app
from lcm_core.controller.controller import Controller
from lcm_core.controller.election import ElectionTimes, ElectionWon, LeaderElection
from lcm_core.controller.leadership import Leadership, fencing_headers, record_write
from lcm_core.controller.parts import Build, ServiceContext, ServiceParts, ServiceSettings
from lcm_core.controller.shards import LeasedKey, ShardAssignment, shard_of
from lcm_core.controller.status import heartbeat
from lcm_core.domain.vocabulary import ServiceName
from lcm_core.etcd import EtcdClient, EtcdError, election_key
from lcm_core.etcd.keys import status_key
from lcm_core.observability.logs import configure_logging
from lcm_core.observability.tracing import configure_tracing
from lcm_core.security.tokens import BearerAuth, ClientCredentials
from lcm_core.security.verification import TokenVerifier
from lcm_core.settings import LogFormat

log = logging.getLogger(__name__)

STATUS_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the process decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ControllerService:
    """A controller process.

    Args:
        name: the service.
        default_admin_port: port of the admin API unless the settings say otherwise.
        build: makes the service's parts.
        settings: read from the environment when absent.

    ``asyncio.run(ControllerService(…).run())`` returns after SIGTERM or SIGINT and raises when a part failed.
    """

    def __init__(
        self,
        name: ServiceName,
        build: Build,
        *,
        default_admin_port: int,
        settings: ServiceSettings | None = None,
    ) -> None:
        self._name = name
        self._build = build
        self._settings = settings or ServiceSettings()
        self._default_port = default_admin_port
        self._stopping = asyncio.Event()
        self._parts: ServiceParts | None = None
        self._assignment: ShardAssignment | None = None
        self._controllers: list[Controller] = []
        self.admin_url = ""

    # What the admin API asks (``admin.Process``) ---------------------------------------------------------------

    @property
    def started(self) -> bool:
        """See ``admin.Process``."""
        return self._parts is not None and all(informer.synced for informer in self._parts.informers)

    def problems(self) -> dict[str, str]:
        """See ``admin.Process``."""
        if self._parts is None:
            return {"start": "starting"}
        disconnected = [informer.collection for informer in self._parts.informers if not informer.connected]
        return {"etcd": f"not watching {', '.join(disconnected)}"} if disconnected else {}

    def controllers_of(self, key: str) -> Sequence[Controller]:
        """See ``admin.Process``."""
        return [controller for controller in self._controllers if controller.leadership.valid and controller.owns(key)]

    async def leader_url(self, key: str) -> str | None:
        """See ``admin.Process``."""
        shards = self._settings.runtime.shards
        try:
            held = await self._etcd.get(election_key(self._name, shard_of(key, shards) if shards > 1 else 0))
        except EtcdError:
            return None
        return str(orjson.loads(held.value)["admin_url"]) if held is not None else None

    # Life ------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask for a graceful end."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until asked to stop."""
        settings = self._settings
        json_lines = settings.logging.format is LogFormat.JSON
        configure_logging(self._name, level=settings.logging.level, json_lines=json_lines)
        tracing = configure_tracing(self._name, otlp_endpoint=settings.telemetry.otlp_endpoint)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            async with AsyncExitStack() as stack:
                await self._run(stack)
        finally:
            await asyncio.to_thread(tracing.shutdown)
        log.info("%s stopped", self._name)

    async def _run(self, stack: AsyncExitStack) -> None:
        listener = self._bind()
        context = await self._context(stack)
        self._etcd, self._control_plane = context.etcd, context.control_plane
        self._clock = context.clock
        parts = await self._build(context)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=5.0, trust_env=False))
        app = create_admin_app(f"LCM {self._name}", self, context.verifier, http, parts.routers)
        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
        )
        self._parts = parts
        self._assignment = assignment = self._assign(context.etcd)
        status = LeasedKey(
            context.etcd,
            status_key(self._name, self._settings.runtime.identity),
            lambda: self.status().model_dump_json().encode(),
            ttl_seconds=15,
            period_seconds=STATUS_SECONDS,
        )
        essential = [
            asyncio.create_task(server.serve(sockets=[listener]), name="admin server"),
            asyncio.create_task(assignment.run(self._lead), name="elections"),
            asyncio.create_task(status.run(), name="status"),
            asyncio.create_task(self._heartbeats(), name="heartbeats"),
            *(asyncio.create_task(informer.run(), name=informer.collection) for informer in parts.informers),
            *(asyncio.create_task(_as_coroutine(work), name="background") for work in parts.background),
        ]
        log.info("%s %s serves its admin API at %s", self._name, self._settings.runtime.identity, self.admin_url)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({stopping, *essential}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self._shut_down(assignment, server, essential)

    async def _shut_down(
        self, assignment: ShardAssignment, server: uvicorn.Server, essential: Sequence[asyncio.Task[Any]]
    ) -> None:
        """Give up leadership first, then end the rest; raise what made a part fail."""
        log.info("%s stops", self._name)
        failed = [task.exception() for task in essential if task.done() and not task.cancelled()]
        assignment.stop()
        elections = next(task for task in essential if task.get_name() == "elections")
        await asyncio.wait({elections}, timeout=self._settings.runtime.grace_seconds + 1)
        server.should_exit = True
        serving = next(task for task in essential if task.get_name() == "admin server")
        for task in essential:
            if task is not serving:
                task.cancel()
        await asyncio.gather(*essential, return_exceptions=True)
        for error in failed:
            if error is not None:
                raise error

    def _bind(self) -> socket.socket:
        """Listen before anything else, so that the address can be announced and a taken port is a clear error."""
        runtime = self._settings.runtime
        port = runtime.admin_port or self._default_port
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((runtime.admin_host, port))
        except OSError as error:
            listener.close()
            raise SystemExit(
                f"{self._name}: the admin API cannot listen on {runtime.admin_host}:{port}: {error}"
            ) from error
        listener.listen(128)
        listener.setblocking(False)
        self.admin_url = runtime.advertised_url or f"http://{runtime.reachable_host}:{listener.getsockname()[1]}"
        return listener

    async def _context(self, stack: AsyncExitStack) -> ServiceContext:
        settings = self._settings
        connection = settings.etcd
        etcd = EtcdClient(
            connection.endpoints, timeout_seconds=connection.timeout_seconds, credentials=connection.credentials
        )
        stack.push_async_callback(etcd.close)
        provider = await stack.enter_async_context(httpx.AsyncClient(timeout=5.0, trust_env=False))
        base = settings.identity.endpoint_base
        tokens = ClientCredentials(
            f"{base}/token", settings.control_plane.client_id, settings.control_plane.client_secret, provider
        )
        api = await stack.enter_async_context(
            ApiClient(
                settings.control_plane.url,
                name="control plane",
                auth=BearerAuth(tokens),
                headers=fencing_headers(self._name),
                timeout_seconds=settings.control_plane.timeout_seconds,
            )
        )
        verifier = TokenVerifier(
            issuer=settings.identity.issuer,
            audience=settings.identity.audience,
            jwks_url=f"{base}/certs",
            http=provider,
        )
        clock = settings.clock.domain_clock()
        return ServiceContext(settings, etcd, ControlPlaneClient(api, on_write=record_write), clock, verifier, stack)

    def _assign(self, etcd: EtcdClient) -> ShardAssignment:
        runtime = self._settings.runtime
        times = ElectionTimes(runtime.lease_seconds, runtime.lease_margin_seconds, runtime.grace_seconds)

        def make_election(shard: int) -> LeaderElection:
            return LeaderElection(
                etcd,
                service=self._name,
                shard=shard,
                identity=runtime.identity,
                admin_url=self.admin_url,
                obtain_term=self._obtain_term,
                times=times,
            )

        return ShardAssignment(
            etcd,
            service=self._name,
            identity=runtime.identity,
            admin_url=self.admin_url,
            shards=runtime.shards,
            make_election=make_election,
        )

    async def _obtain_term(self, won: ElectionWon) -> int:
        body = ObtainTerm(
            service=self._name,
            shard=won.shard,
            etcd_key=won.etcd_key,
            create_revision=won.create_revision,
            identity=won.identity,
        )
        return (await self._control_plane.obtain_term(body)).term

    async def _lead(self, leadership: Leadership) -> None:
        """Run every controller of the service for one shard."""
        assert self._parts is not None  # elections start after the parts were built
        runtime = self._settings.runtime
        mine = [
            Controller(spec, leadership, shards=runtime.shards, domain_clock=self._clock)
            for spec in self._parts.controllers
        ]
        self._controllers.extend(mine)
        try:
            async with asyncio.TaskGroup() as group:
                for controller in mine:
                    group.create_task(controller.run(), name=controller.spec.name)
        finally:
            for controller in mine:
                self._controllers.remove(controller)

    def status(self) -> ControllerHeartbeat:
        """What this process says of itself."""
        leaderships = self._assignment.leaderships if self._assignment else ()
        identity = self._settings.runtime.identity
        return heartbeat(self._name, identity, self.admin_url, leaderships, self._controllers)

    async def _heartbeats(self) -> None:
        """Tell the control plane every few seconds; its absence is no reason to stop."""
        while True:
            with suppress(ApiError):
                await self._control_plane.heartbeat(self.status())
            await asyncio.sleep(HEARTBEAT_SECONDS)


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()
