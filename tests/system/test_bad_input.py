"""Bad input is refused by name, and leaves nothing behind."""

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import ApiError, Invalid, NotFound
from lcm_core.contracts.sessions import ReserveSession, SessionView
from lcm_core.domain.vocabulary import DefinitionPhase
from lcm_simulators.world import World
from tests.system.packages import two_routers
from tests.system.platform import Platform, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


async def reserve(platform: Platform, **body: object) -> SessionView:
    return await platform.api.call(
        "POST", "/api/lablet-sessions", body=ReserveSession.model_validate(body), response=SessionView
    )


async def session_count(platform: Platform) -> int:
    return len([session async for session in ControlPlaneClient(platform.api).sessions()])


async def test_an_unknown_definition_is_named(platform: Platform) -> None:
    before = await session_count(platform)
    with pytest.raises((NotFound, Invalid)) as refused:
        await reserve(platform, definition_id="nobody-made-this", as_soon_as_possible=True, duration_minutes=30)
    assert "nobody-made-this" in refused.value.sentence
    assert await session_count(platform) == before


async def test_a_slot_in_the_past_is_refused_with_the_rule(platform: Platform, tmp_path: Path) -> None:
    definition = await platform.define(two_routers(tmp_path, "past-slot"))
    slot = {"start": "2020-01-01T10:00:00Z", "end": "2020-01-01T11:00:00Z"}
    with pytest.raises(ApiError) as refused:
        await reserve(platform, definition_id=definition.id, slot=slot)
    assert "past" in refused.value.sentence


async def test_wrong_credentials_are_refused(world: World) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{world.url('control-plane')}/api/auth/login"
        answer = await http.post(url, json={"username": "admin", "password": "not this"})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_a_malformed_topology_is_refused_with_file_and_line(platform: Platform, tmp_path: Path) -> None:
    package = two_routers(tmp_path, "malformed")
    broken = _with_file(package.content, "cml.yaml", "lab: {title: x}\nnodes:\n  - {id: n0, label: [}\n")
    definition = await platform.define(replace(package, content=broken))
    assert definition.status.phase is DefinitionPhase.PENDING_SYNC
    error = definition.status.sync.errors[0]
    assert (error.file, error.line) == ("cml.yaml", 3)


async def test_a_topology_without_nodes_is_refused_with_the_reason(platform: Platform, tmp_path: Path) -> None:
    package = two_routers(tmp_path, "no-nodes")
    empty = _with_file(package.content, "cml.yaml", "lab: {title: x, version: 0.3.0}\nnodes: []\nlinks: []\n")
    definition = await platform.define(replace(package, content=empty))
    assert definition.status.phase is DefinitionPhase.PENDING_SYNC
    assert any("node" in error.message for error in definition.status.sync.errors)


async def test_content_waits_with_the_reason_while_s3_is_away_and_goes_on_when_it_is_back(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    await world.stop_process("ec2")
    waiting = asyncio.create_task(platform.define(two_routers(tmp_path, "without-s3")))
    try:

        async def named() -> bool | None:
            found = [item async for item in ControlPlaneClient(platform.api).definitions(name="without-s3")]
            said = f"{found[0].status.message}" if found else ""
            return True if "S3" in said else None

        await until("the definition says that S3 cannot be reached", named, within_seconds=60)
        assert not waiting.done()
    finally:
        await world.start_process("ec2")
    definition = await asyncio.wait_for(waiting, 90)
    assert definition.status.phase is DefinitionPhase.ACTIVE


def _with_file(package: bytes, name: str, text: str) -> bytes:
    """The same package with one file replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, text if entry == name else old.read(entry))
    return buffer.getvalue()
