"""The control plane as one object: built from settings, checked, ready to be served."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from neuroglia.hosting import SubAppConfig
from neuroglia.hosting.abstractions import HostedService
from neuroglia.mediation import Mediator

from control_plane_api import application
from control_plane_api.api.addresses import TrustedProxies
from control_plane_api.api.console import install_console
from control_plane_api.api.description import describe
from control_plane_api.api.edge import Edge
from control_plane_api.api.health import GOOD, Health
from control_plane_api.api.middleware import BodyLimit, SecurityHeaders
from control_plane_api.api.problems import install_problems
from control_plane_api.api.router import include_routes
from control_plane_api.api.shortcut import Shortcut
from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.cloudevents.publisher import EventPublisher
from control_plane_api.application.jobs.runner import JobRunner
from control_plane_api.application.mediation.behaviors import ContextBehavior, DeniedBehavior
from control_plane_api.application.mediation.handlers import find_handlers, register_handlers
from control_plane_api.application.mediation.mediator import SafeMediator
from control_plane_api.application.ports import (
    ControllerStore,
    DeadLetters,
    Deps,
    JobStore,
    LoginThrottle,
    PasswordChecker,
    Revoker,
    TermStore,
    TokenIssuer,
)
from control_plane_api.application.projection.reconcile import ProjectionReconciler
from control_plane_api.application.sweeping.sweeper import Sweeper
from control_plane_api.composition.identity import Identity, open_identity
from control_plane_api.composition.self_check import check_wiring
from control_plane_api.composition.stores import Stores, open_stores
from control_plane_api.infrastructure.mongo.gauges import Gauges
from control_plane_api.infrastructure.sessions.memory import MemorySessions
from control_plane_api.infrastructure.sse.feed import LiveFeed
from control_plane_api.infrastructure.sse.relay import SseRelay, use_sse_relay
from control_plane_api.infrastructure.sse.snapshots import Snapshots
from control_plane_api.kernel.background import Background, BackgroundService
from control_plane_api.kernel.builder import IsolatedBuilder
from control_plane_api.settings import Settings
from lcm_core.etcd.keys import SETTINGS_KEY

API = "/api"
TITLE = "Lablet Cloud Manager"
DESCRIPTION = "Reserve, run, grade and operate labs. Every error is a problem document (RFC 9457)."


@dataclass(frozen=True)
class Platform:
    """The application and what must be told when it stops."""

    app: FastAPI
    api: FastAPI
    stores: Stores
    feed: LiveFeed
    background: Background

    def end_streams(self) -> None:
        """Tell every live stream that the server goes away; their clients resume elsewhere."""
        self.feed.end("server.shutdown")


def build_platform(settings: Settings) -> Platform:
    """Put everything together. Raises ``WiringError`` when something does not fit; opens no connection yet."""
    builder = IsolatedBuilder()
    stores = open_stores(settings)
    identity = open_identity(settings, stores.database)
    deps = stores.deps(settings)
    snapshots = Snapshots(deps, stores.controllers)
    relay = SseRelay(stores.etcd, snapshots)
    use_sse_relay(relay)
    feed = LiveFeed(relay, snapshots, settings.app.stream_seconds)
    publisher = EventPublisher(
        stores.database, stores.locks, settings.events.sink, settings.events.source, identity.http
    )
    stores.dispatcher.subscribe(publisher.wake)
    background = _background(settings, stores, identity, deps, relay, publisher)
    mediator, requests = build_mediator(builder, stores, identity, deps, publisher)
    edge = Edge(
        mediator=mediator,
        authenticators=identity.authenticators,
        audit=stores.audit,
        idempotency=stores.idempotency,
        terms=stores.terms,
        request_seconds=settings.app.request_seconds,
    )
    health = _health(stores, identity, background)
    made: list[FastAPI] = []

    def set_up_api(api: FastAPI, _: object) -> None:
        api.state.edge, api.state.clock, api.state.feed = edge, stores.clock, feed
        api.state.browser, api.state.public_url = identity.browser, settings.sign_in.public_url
        api.state.proxies = TrustedProxies.parse(settings.app.trusted_proxies)
        include_routes(api)
        describe(api)
        install_problems(api)
        api.router.routes.extend(health.routes())
        made.append(api)

    def host_service(provider: Any) -> Background:
        del provider
        return background

    builder.services.add_singleton(HostedService, implementation_factory=host_service)
    release = version("lcm-control-plane-api")
    builder.add_sub_app(SubAppConfig(API, "api", [], TITLE, DESCRIPTION, release, debug=False, custom_setup=set_up_api))
    builder.add_sub_app(
        SubAppConfig(
            "/",
            "ui",
            [],
            TITLE,
            version=release,
            debug=False,
            custom_setup=lambda app, _: install_console(app, settings.app.ui_folder),
        )
    )
    app = builder.build_app(TITLE, release)
    app.router.routes[0:0] = health.routes()
    # A path with a line break is no application's.
    install_problems(app)
    app.add_middleware(Shortcut, api=made[0], mount=API)
    app.add_middleware(BodyLimit, limit=settings.app.body_bytes)
    app.add_middleware(SecurityHeaders, https=settings.sign_in.public_url.startswith("https://"))
    check_wiring(made[0], mediator, requests)
    return Platform(app, made[0], stores, feed, background)


def build_mediator(
    builder: IsolatedBuilder, stores: Stores, identity: Identity, deps: Deps, publisher: EventPublisher
) -> tuple[SafeMediator, frozenset[type]]:
    """Every handler, built now: a dependency that is missing stops the start."""
    provided: dict[type, object] = {
        Deps: deps,
        AuditLog: stores.audit,
        TermStore: stores.terms,
        ControllerStore: stores.controllers,
        LoginThrottle: stores.throttle,
        PasswordChecker: identity.passwords,
        TokenIssuer: identity.tokens,
        Revoker: identity,
        DeadLetters: publisher,
        JobStore: stores.jobs,
    }
    for kind, instance in provided.items():
        builder.services.add_singleton(kind, singleton=instance)
    handlers = find_handlers(application)
    register_handlers(builder.services, handlers)
    provider = builder.services.build()
    built = {request: provider.get_required_service(handler) for request, handler in handlers.items()}
    mediator = SafeMediator(provider, built, [ContextBehavior(), DeniedBehavior(stores.audit)])
    builder.services.add_singleton(Mediator, singleton=mediator)
    return mediator, frozenset(handlers)


def _background(
    settings: Settings, stores: Stores, identity: Identity, deps: Deps, relay: SseRelay, publisher: EventPublisher
) -> Background:
    async def prepare() -> None:
        await stores.create_indexes()
        await identity.tokens.create_indexes()
        await publisher.create_indexes()
        await stores.seed(settings)
        await stores.etcd.incarnation()

    async def stopping() -> None:
        await identity.close()
        await stores.close()

    services = [
        BackgroundService("dispatcher", stores.dispatcher.run),
        BackgroundService("projection", ProjectionReconciler(stores.database, stores.etcd).run),
        BackgroundService("stream", relay.run),
        BackgroundService("sweeper", Sweeper(deps, stores.claims, stores.artifacts).run),
        BackgroundService("jobs", JobRunner(deps, stores.jobs).run),
        BackgroundService("cloudevents", publisher.run),
        BackgroundService("retention", stores.audit.purge),
        BackgroundService("gauges", Gauges(stores.database, stores.clock).run),
    ]
    return Background(prepare, services, stopping)


def _health(stores: Stores, identity: Identity, background: Background) -> Health:
    async def database() -> str:
        await stores.client.admin.command("ping")
        return GOOD

    async def etcd() -> str:
        await stores.etcd.get(SETTINGS_KEY)
        return GOOD

    async def start() -> str:
        return GOOD if background.prepared else f"waits for {background.waiting_for}"

    checks = {"etcd": etcd, "database": database, "identity": identity.check, "start": start}
    if not isinstance(identity.sessions, MemorySessions):
        checks["sessions"] = identity.sessions.check
    return Health(checks, lambda: background.waiting_for)
