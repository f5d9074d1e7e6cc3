"""The application: realms, routes, and the admin API that all simulators have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.common import FaultBook, Journal, SimulatedClock, install_admin
from lcm_simulators.identity.admin_access import AdminGate
from lcm_simulators.identity.admin_realm import admin_realm_routes
from lcm_simulators.identity.admin_users import admin_user_routes
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.device_endpoints import device_routes
from lcm_simulators.identity.http import Realms
from lcm_simulators.identity.login_endpoints import login_routes
from lcm_simulators.identity.logout_endpoints import logout_routes
from lcm_simulators.identity.realm import load_realm, master_realm
from lcm_simulators.identity.settings import IdentityProviderSettings
from lcm_simulators.identity.store import Store
from lcm_simulators.identity.token_endpoints import token_routes


async def up(request: Request) -> Response:
    """Health in Keycloak's shape."""
    del request
    return JSONResponse({"status": "UP", "checks": []})


def create_app(settings: IdentityProviderSettings) -> Starlette:
    """Build the provider. Raises ``RealmFileError`` and ``RealmFileMissingError``."""
    store = Store(settings.data_dir / "identity.db")
    loaded = [load_realm(settings.find_realm_file())]
    admin_password = settings.admin_password.get_secret_value()
    if settings.admin_username and admin_password:
        loaded.append(master_realm(settings.admin_username, admin_password))
    realms = Realms(
        {
            realm.realm: RealmContext(
                realm, settings.base_url, settings.data_dir, store, console_url=settings.console_url
            )
            for realm in loaded
        }
    )
    gate = AdminGate(realms)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        store.close()

    app = Starlette(
        routes=[
            *(Route(f"/health/{part}", up) for part in ("ready", "live", "started")),
            *token_routes(realms),
            *login_routes(realms),
            *device_routes(realms),
            *logout_routes(realms),
            *admin_user_routes(gate),
            *admin_realm_routes(gate),
        ],
        lifespan=lifespan,
    )
    install_admin(app, simulator="identity", journal=Journal(), faults=FaultBook(), clock=SimulatedClock())
    return app
