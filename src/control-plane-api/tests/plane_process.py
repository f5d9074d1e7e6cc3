"""The control plane as a process, and callers of its API."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from realm_stand_in import SERVICES, RealmStandIn

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.platform import ObtainTerm
from lcm_core.domain.vocabulary import ServiceName
from lcm_core.etcd import EtcdClient, election_key
from lcm_simulators.embedded.process import EmbeddedServer


class PlaneProcess(EmbeddedServer):
    """``python -m control_plane_api`` on a free port."""

    name = "control-plane"

    def __init__(self, data_dir: Path, environment: Mapping[str, str], realm: RealmStandIn) -> None:
        super().__init__(data_dir, environment=environment)
        self.realm = realm
        self.environment = dict(environment)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        """See ``EmbeddedServer``."""
        return ["env", f"APP_PORT={self.port}", sys.executable, "-m", "control_plane_api"]

    async def healthy(self) -> bool:
        """See ``EmbeddedServer``."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                return (await http.get(f"{self.url}/api/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    @asynccontextmanager
    async def caller(self, name: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client that signs in with an access token of the realm; without a name it does not."""
        headers = {"Authorization": f"Bearer {self.realm.token(name)}"} if name else {}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False) as http:
            yield http

    def etcd(self) -> EtcdClient:
        """A client of the etcd that this process uses."""
        return EtcdClient([self.environment["LCM_ETCD_ENDPOINTS"]])

    @asynccontextmanager
    async def controller(self, service: str, identity: str = "test") -> AsyncIterator[ControlPlaneClient]:
        """The typed client as the present leader of shard 0: wins an election and obtains its term."""
        assert service in SERVICES
        headers = {"Authorization": f"Bearer {self.realm.token(service)}"}
        fence: dict[str, str] = {}
        async with (
            self.etcd() as etcd,
            ApiClient(self.url, name="control plane", headers=lambda: {**headers, **fence}) as api,
        ):
            client = ControlPlaneClient(api)
            key = election_key(service, 0)
            await etcd.put(key, identity.encode())
            held = await etcd.get(key)
            assert held is not None
            body = ObtainTerm(
                service=ServiceName(service),
                shard=0,
                etcd_key=key,
                create_revision=held.create_revision,
                identity=identity,
            )
            term = (await client.obtain_term(body)).term
            fence |= {"X-LCM-Controller": service, "X-LCM-Shard": "0", "X-LCM-Term": str(term)}
            yield client


def plane_environment(etcd: str, database_uri: str, database: str, realm: RealmStandIn, **more: str) -> dict[str, str]:
    """Settings of a control plane in a test."""
    return {
        "LCM_ETCD_ENDPOINTS": etcd,
        "MONGODB_URI": database_uri,
        "LCM_DATABASE_NAME": database,
        "KEYCLOAK_URL": realm.url,
        "APP_HOST": "127.0.0.1",
        "LCM_CML_PASSWORD": "fleet-password",
        "LCM_CML_LICENSE_TOKEN": "fleet-token",
        "LCM_LOG_FORMAT": "text",
        **more,
    }
