"""What every run starts with: two definitions, made the way an author makes them."""

import asyncio
import io
import zipfile

from lcm_core.clients.errors import TransientApiError
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.definitions import CreateDefinition, DefinitionView
from lcm_core.domain.vocabulary import DefinitionPhase
from tests.simulate.machines import Violation
from tests.simulate.people import DURATIONS
from tests.simulate.world import World

TOPOLOGY = """
lab: {title: Two routers, version: 0.3.0, description: '', notes: ''}
nodes:
  - {id: n0, label: R1, node_definition: iosv, x: 0, y: 0, configuration: "hostname R1\\n",
     tags: ["serial:5001"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
  - {id: n1, label: R2, node_definition: iosv, x: 200, y: 0, configuration: "hostname R2\\n",
     tags: ["serial:5002"], interfaces: [{id: i0, slot: 0, label: GigabitEthernet0/0, type: physical}]}
links: [{id: l0, n1: n0, i1: i0, n2: n1, i2: i0}]
annotations: []
"""
RUBRIC = """
version: 1
title: Names
cut_score: 70
sections:
  - name: Left
    checks: [{id: left, device: R1, must_match: '^hostname R1$'}]
"""
LOOKS, LOOK_SECONDS = 100, 0.1
ZIP_TIME = (2030, 1, 1, 0, 0, 0)


def _package(*, graded: bool) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("cml.yaml", ZIP_TIME), TOPOLOGY)
        if graded:
            archive.writestr(zipfile.ZipInfo("rubric.yaml", ZIP_TIME), RUBRIC)
    return content.getvalue()


async def install(world: World) -> list[str]:
    """Ids of an active graded definition, and of one that is not graded and keeps a warm pool."""
    author = world.client("admin:author").api
    return [await _define(world, author, graded=graded) for graded in (True, False)]


async def _define(world: World, author: ApiClient, *, graded: bool) -> str:
    artifacts = world.planes[0].stores.artifacts
    package = _package(graded=graded)
    artifact = await artifacts.put("lab.zip", "application/zip", package, "author", world.clock.now())
    body = CreateDefinition(
        name="graded" if graded else "practice",
        form_qualified_name=f"lcm sim {'graded' if graded else 'practice'} 1 0 lab",
        title="A graded lab" if graded else "A practice lab",
        artifact_id=artifact.id,
        graded=graded,
        warm_pool_depth=0 if graded else 1,
        max_duration_minutes=max(DURATIONS),
    )
    made = await _declare(author, body)
    for _ in range(LOOKS):
        status = world.database.documents("definitions")[made.id]["status"]
        if status["phase"] == DefinitionPhase.ACTIVE:
            return made.id
        await asyncio.sleep(LOOK_SECONDS)
    raise Violation(f"definition {made.id} is not active after {LOOKS * LOOK_SECONDS:g} s: {status}")


async def _declare(author: ApiClient, body: CreateDefinition) -> DefinitionView:
    """Try until a control plane serves."""
    while True:
        try:
            return await author.call(
                "POST", "/api/lablet-definitions", body=body, response=DefinitionView, idempotency_key=body.name
            )
        except TransientApiError:
            await asyncio.sleep(LOOK_SECONDS)
