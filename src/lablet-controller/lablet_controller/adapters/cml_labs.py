"""The labs API of CML controllers over HTTPS: one pooled client and one token per worker."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress

import httpx
from pydantic import Field, TypeAdapter, field_validator

from lablet_controller.adapters.http import OutsideClient, parse_json
from lablet_controller.adapters.wire import Answer, read
from lcm_core.spi.cml_labs import LabInfo, LabState, NodeInfo, NodeLoad, NodeState
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused

SYSTEM = "CML"
TRUE = {"show_all": "true"}
DETAILS_AT_ONCE = 8


class _Lab(Answer):
    id: str
    lab_title: str = ""
    lab_notes: str | None = ""
    state: LabState = LabState.DEFINED
    node_count: int = 0

    def info(self) -> LabInfo:
        return LabInfo(self.id, self.lab_title, self.lab_notes or "", self.state, self.node_count)


class _File(Answer):
    name: str = "Main"
    content: str | None = ""


class _Node(Answer):
    id: str
    label: str
    node_definition: str
    state: NodeState = NodeState.DEFINED
    tags: list[str] = Field(default_factory=list)
    ram: int | None = None
    cpus: int | None = None
    configuration: list[_File] = Field(default_factory=list)

    @field_validator("configuration", mode="before")
    @classmethod
    def _as_files(cls, value: object) -> object:
        """Older controllers answer with the main file's text."""
        if value is None:
            return []
        return [{"content": value}] if isinstance(value, str) else value

    def files(self) -> dict[str, str]:
        return {file.name: file.content or "" for file in self.configuration}

    def info(self) -> NodeInfo:
        return NodeInfo(
            self.id,
            self.label,
            self.node_definition,
            self.state,
            tuple(self.tags),
            self.ram,
            self.cpus,
            self.files(),
        )


class _Imported(Answer):
    id: str


class _Usage(Answer):
    cpu_usage: float = 0.0
    ram_usage: float | None = None


class _Stats(Answer):
    nodes: dict[str, _Usage] = Field(default_factory=dict)


_IDS = TypeAdapter(list[str])
_LAB = TypeAdapter(_Lab)
_NODE = TypeAdapter(_Node)
_NODES = TypeAdapter(list[_Node])
_IMPORTED = TypeAdapter(_Imported)
_STATS = TypeAdapter(_Stats)
_BOOL = TypeAdapter(bool)
_TEXT = TypeAdapter(str)


class _CmlAuth(httpx.Auth):
    """Signs in when there is no token, and once more when it is refused (401)."""

    def __init__(self, target: CmlTarget) -> None:
        self._target = target
        self._token = ""
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See ``httpx.Auth``."""
        used = self._token
        if not used:
            async with self._lock:
                if not self._token:
                    await self._take(request, (yield self._sign_in(request)))
                used = self._token
        request.headers["Authorization"] = f"Bearer {used}"
        answer = yield request
        if answer.status_code == 401:
            async with self._lock:
                if self._token == used:
                    await self._take(request, (yield self._sign_in(request)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _sign_in(self, request: httpx.Request) -> httpx.Request:
        body = {"username": self._target.username, "password": self._target.password}
        return httpx.Request("POST", request.url.copy_with(raw_path=b"/api/v0/authenticate"), json=body)

    async def _take(self, request: httpx.Request, answer: httpx.Response) -> None:
        await answer.aread()
        if answer.status_code == 403:
            raise OutsideRefused(SYSTEM, f"refuses the user {self._target.username} at {self._target.endpoint}")
        if not answer.is_success:
            raise httpx.ConnectError(f"sign-in answered with {answer.status_code}", request=request)
        self._token = read(SYSTEM, _TEXT, parse_json(SYSTEM, answer))


class HttpCmlLabs:
    """Implements ``CmlLabs``.

    Args:
        ca_bundle: PEM file with the CA of the controllers' certificates, empty for the system's CAs.
        timeout_seconds: limit of one call; start and stop of a large lab may take a while.
    """

    def __init__(self, *, ca_bundle: str = "", timeout_seconds: float = 10.0) -> None:
        self._verify: str | bool = ca_bundle or True
        self._timeout = timeout_seconds
        self._clients: dict[str, tuple[CmlTarget, OutsideClient]] = {}

    async def close(self) -> None:
        """Close every pool."""
        for _, client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def forget(self, worker_id: str) -> None:
        """Close the pool of a worker that is gone."""
        known = self._clients.pop(worker_id, None)
        if known is not None:
            await known[1].close()

    async def labs(self, target: CmlTarget) -> Sequence[LabInfo]:
        """See ``CmlLabs``."""
        ids = read(SYSTEM, _IDS, await self._client(target).json("GET", "labs", params=TRUE))
        gate = asyncio.Semaphore(DETAILS_AT_ONCE)

        async def one(lab_id: str) -> LabInfo | None:
            async with gate:
                with suppress(OutsideNotFound):  # removed meanwhile
                    return await self.lab(target, lab_id)
            return None

        found = await asyncio.gather(*(one(lab_id) for lab_id in ids))
        return [lab for lab in found if lab is not None]

    async def lab(self, target: CmlTarget, lab_id: str) -> LabInfo:
        """See ``CmlLabs``."""
        return read(SYSTEM, _LAB, await self._client(target).json("GET", f"labs/{lab_id}")).info()

    async def import_lab(self, target: CmlTarget, topology: str) -> str:
        """See ``CmlLabs``."""
        answer = await self._client(target).call("POST", "import", content=topology.encode())
        return read(SYSTEM, _IMPORTED, parse_json(SYSTEM, answer)).id

    async def rename(self, target: CmlTarget, lab_id: str, title: str, notes: str) -> None:
        """See ``CmlLabs``."""
        await self._client(target).call("PATCH", f"labs/{lab_id}", json_body={"title": title, "notes": notes})

    async def start(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        await self._client(target).call("PUT", f"labs/{lab_id}/start")

    async def stop(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        with suppress(OutsideNotFound):
            await self._client(target).call("PUT", f"labs/{lab_id}/stop")

    async def wipe(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        with suppress(OutsideNotFound):
            await self._client(target).call("PUT", f"labs/{lab_id}/wipe")

    async def delete(self, target: CmlTarget, lab_id: str) -> None:
        """See ``CmlLabs``."""
        with suppress(OutsideNotFound):
            await self._client(target).call("DELETE", f"labs/{lab_id}")

    async def converged(self, target: CmlTarget, lab_id: str) -> bool:
        """See ``CmlLabs``."""
        return read(SYSTEM, _BOOL, await self._client(target).json("GET", f"labs/{lab_id}/check_if_converged"))

    async def nodes(self, target: CmlTarget, lab_id: str, *, with_configurations: bool = False) -> Sequence[NodeInfo]:
        """See ``CmlLabs``."""
        params = {"data": "true", "exclude_configurations": "false" if with_configurations else "true"}
        answer = await self._client(target).json("GET", f"labs/{lab_id}/nodes", params=params)
        return [node.info() for node in read(SYSTEM, _NODES, answer)]

    async def retag(self, target: CmlTarget, lab_id: str, node_id: str, tags: Sequence[str]) -> None:
        """See ``CmlLabs``."""
        await self._client(target).call("PATCH", f"labs/{lab_id}/nodes/{node_id}", json_body={"tags": list(tags)})

    async def configure(self, target: CmlTarget, lab_id: str, node_id: str, files: Mapping[str, str]) -> None:
        """See ``CmlLabs``."""
        body = {"configuration": [{"name": name, "content": text} for name, text in files.items()]}
        await self._client(target).call("PATCH", f"labs/{lab_id}/nodes/{node_id}", json_body=body)

    async def extract(self, target: CmlTarget, lab_id: str, node_id: str) -> None:
        """See ``CmlLabs``."""
        await self._client(target).call("PUT", f"labs/{lab_id}/nodes/{node_id}/extract_configuration")

    async def files(self, target: CmlTarget, lab_id: str, node_id: str) -> Mapping[str, str]:
        """See ``CmlLabs``."""
        params = {"exclude_configurations": "false"}
        answer = await self._client(target).json("GET", f"labs/{lab_id}/nodes/{node_id}", params=params)
        return read(SYSTEM, _NODE, answer).files()

    async def console_log(self, target: CmlTarget, lab_id: str, node_id: str, line: int = 0) -> str:
        """See ``CmlLabs``."""
        path = f"labs/{lab_id}/nodes/{node_id}/consoles/{line}/log"
        return read(SYSTEM, _TEXT, await self._client(target).json("GET", path))

    async def loads(self, target: CmlTarget, lab_id: str) -> Sequence[NodeLoad]:
        """See ``CmlLabs``."""
        answer = await self._client(target).json("GET", f"labs/{lab_id}/simulation_stats")
        used = read(SYSTEM, _STATS, answer).nodes
        labels = {node.id: node.label for node in await self.nodes(target, lab_id)}
        return [
            NodeLoad(labels.get(node_id, node_id), usage.cpu_usage, usage.ram_usage) for node_id, usage in used.items()
        ]

    async def export(self, target: CmlTarget, lab_id: str) -> str:
        """See ``CmlLabs``."""
        return (await self._client(target).call("GET", f"labs/{lab_id}/download")).text

    def _client(self, target: CmlTarget) -> OutsideClient:
        """The worker's client; a worker that came back at another address or with another password gets a new one."""
        known = self._clients.get(target.worker_id)
        if known is not None and known[0] == target:
            return known[1]
        client = OutsideClient(
            SYSTEM,
            f"{target.endpoint.rstrip('/')}/api/v0/",
            auth=_CmlAuth(target),
            headers={"X-CML-CLIENT": "LCM"},
            timeout_seconds=self._timeout,
            verify=self._verify,
        )
        self._clients[target.worker_id] = (target, client)
        return client
