"""The platform over REST and its event stream, for one command."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from httpx_sse import aconnect_sse
from pydantic import BaseModel

from lcm_cli.errors import CliError, ExitCode
from lcm_cli.kinds import KindInfo
from lcm_cli.profile import Target
from lcm_core.clients.errors import NotFound
from lcm_core.clients.http import ApiClient

ResultT = TypeVar("ResultT")
PAGE = 200
_RECONNECT_SECONDS = 1.0


class SilentPage(BaseModel):
    """A page whose items are validated one by one."""

    items: list[Any]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of the live stream."""

    name: str
    id: str
    data: dict[str, Any]


class Api:
    """Calls of one command."""

    def __init__(self, client: ApiClient, target: Target) -> None:
        self.client = client
        self._target = target

    async def items(self, kind: KindInfo, filters: dict[str, str], limit: int = 0) -> list[BaseModel]:
        """All objects of a kind that match, at most ``limit`` (0: all)."""
        found: list[BaseModel] = []
        cursor = ""
        while True:
            params = {**filters} | ({"cursor": cursor} if cursor else {})
            if kind.name != "controllers":
                params["limit"] = str(min(PAGE, limit - len(found)) if limit else PAGE)
            page = await self.client.call("GET", kind.path, params=params, response=SilentPage)
            found += [kind.view.model_validate(item) for item in page.items]
            cursor = page.next_cursor
            if not cursor or (limit and len(found) >= limit):
                return found

    async def one(self, kind: KindInfo, name: str) -> BaseModel:
        """One object by id, else by its name. Raises ``CliError`` when nothing or several fit."""
        if not kind.single:
            raise CliError(f"{kind.name} have no single objects; use `lcm get {kind.name}`", ExitCode.USAGE)
        try:
            return await self.client.call("GET", f"{kind.path}/{name}", response=kind.view)
        except NotFound:
            pass
        named = [item for item in await self.items(kind, {}) if _name_of(item) == name]
        if kind.name == "definitions":
            named = sorted(named, key=_version_of)[-1:]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(str(getattr(item, "id", "")) for item in named)
            raise CliError(f"several {kind.name} are called {name}: use one of the ids {ids}")
        raise CliError(f"there is no {kind.aliases[0] if kind.aliases else kind.name} {name!r}", ExitCode.NOT_FOUND)

    async def id_of(self, kind: KindInfo, name: str) -> str:
        """The id of an object named by id or name."""
        return str(getattr(await self.one(kind, name), "id", name))

    async def events(self) -> AsyncIterator[StreamEvent]:
        """The live stream, resumed after breaks, until the caller stops."""
        last = ""
        while True:
            try:
                async for event in self._connection(last):
                    last = event.id or last
                    yield event
            except httpx.TransportError:
                pass
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _connection(self, last: str) -> AsyncIterator[StreamEvent]:
        headers = {"Authorization": f"Bearer {self._target.token}"}
        if last:
            headers["Last-Event-ID"] = last
        timeout = httpx.Timeout(10.0, read=90.0)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=timeout) as http,
            aconnect_sse(http, "GET", f"{self._target.url}/api/events/stream", headers=headers) as source,
        ):
            if source.response.status_code == 401:
                raise CliError("You are not signed in. Run `lcm login`.", ExitCode.NOT_ALLOWED)
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                data = json.loads(event.data) if event.data else {}
                yield StreamEvent(event.event, event.id, data if isinstance(data, dict) else {})


def _name_of(item: BaseModel) -> str:
    spec = getattr(item, "spec", None)
    return str(getattr(spec, "name", "") or getattr(spec, "title", ""))


def _version_of(item: BaseModel) -> tuple[int, ...]:
    return tuple(int(part) for part in item.spec.semantic_version.split("."))  # type: ignore[attr-defined]


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Api]:
    """The platform, ready for calls. Raises ``CliError`` when nobody is signed in."""
    if not target.token:
        raise CliError(f"You are not signed in to {target.url}. Run `lcm login`.", ExitCode.NOT_ALLOWED)
    headers = {"Authorization": f"Bearer {target.token}"}
    async with ApiClient(target.url, name="the platform", headers=lambda: headers, timeout_seconds=30) as client:
        yield Api(client, target)


def run(target: Target, work: Callable[[Api], Awaitable[ResultT]]) -> ResultT:
    """Run the calls of one command."""

    async def main() -> ResultT:
        async with connected(target) as api:
            return await work(api)

    return asyncio.run(main())
