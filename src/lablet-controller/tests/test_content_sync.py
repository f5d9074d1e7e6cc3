"""Content that others put into the bucket of a form: the next version, or a refusal with the reason."""

import hashlib

import boto3
import pytest
from lablet_rig import Rig, until
from lablet_samples import TWO_ROUTERS, two_routers

from lablet_controller.content.package import bucket_of
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.domain.vocabulary import DefinitionPhase, SessionPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase
THREE_NODES = TWO_ROUTERS.replace(
    "links:",
    "  - {id: n2, label: R3, node_definition: iosv, x: 400, y: 0, configuration: hostname R3, interfaces: []}\nlinks:",
)


def put(rig: Rig, definition: DefinitionView, name: str, content: bytes) -> None:
    """As another system does that owns the content."""
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=rig.world.url("ec2"),
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    s3.put_object(Bucket=bucket_of(definition.spec.form_qualified_name), Key=f"packages/{name}", Body=content)


async def look(rig: Rig, definition: DefinitionView) -> str:
    """Have the bucket looked at; what came of it."""
    path = f"/api/lablet-definitions/{definition.id}/sync"
    asked = await rig.api.call("POST", path, response=DefinitionView)

    async def answered() -> str | None:
        sync = (await rig.admin.definition(definition.id)).status.sync
        return sync.check_message if sync.check_answered == asked.spec.check_requested_at else None

    return await until("the bucket was looked at", answered)


async def version(rig: Rig, definition: DefinitionView, number: str) -> DefinitionView:
    """A version of the same name, once there is a verdict on it."""
    key = f"{definition.spec.name}-{number}"

    async def judged() -> DefinitionView | None:
        seen = {view.id: view async for view in rig.admin.definitions()}.get(key)
        waits = seen is None or (seen.status.phase is DefinitionPhase.PENDING_SYNC and not seen.status.sync.errors)
        return None if waits else seen

    return await until(f"a verdict on {key}", judged)


async def test_a_package_put_into_the_bucket_becomes_the_next_version_and_sessions_keep_theirs(rig: Rig) -> None:
    first, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(first, worker)
    assert "nothing new" in await look(rig, first)

    put(rig, first, "from-outside.zip", two_routers(topology=THREE_NODES))
    # The scheduled job asks in the same way as a person does.
    await rig.api.call("POST", "/api/jobs/ContentSyncJob/run")
    second = await version(rig, first, "1.0.1")
    assert second.status.phase is DefinitionPhase.ACTIVE
    assert second.status.content is not None
    assert second.status.content.node_count == 3
    assert second.status.content.upstream["lds_version"] != first.status.content.upstream["lds_version"]  # type: ignore[union-attr]
    seen = await rig.admin.definition(first.id)
    assert (seen.status.phase, seen.status.replaced_by) == (DefinitionPhase.DEPRECATED, second.id)
    assert "nothing new" in await look(rig, second)

    ready = await rig.reach(session.id, P.READY)
    async with rig.cml(worker) as http:
        nodes = (await http.get(f"/labs/{ready.status.lab.cml_lab_id}/nodes")).json()  # type: ignore[union-attr]
    assert len(nodes) == 2, "the session is pinned to the version it was reserved with"
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_a_bad_package_in_the_bucket_is_refused_with_its_faults_and_the_old_one_serves_on(rig: Rig) -> None:
    first = await rig.define(two_routers())
    put(rig, first, "broken.zip", two_routers(topology=TWO_ROUTERS.replace("label: R2", "label: R1")))
    assert await look(rig, first) == "Version 1.0.1 is made of packages/broken.zip."
    refused = await version(rig, first, "1.0.1")
    assert refused.status.phase is DefinitionPhase.PENDING_SYNC
    assert {(error.file, error.line > 0) for error in refused.status.sync.errors} >= {("cml.yaml", True)}
    assert (await rig.admin.definition(first.id)).status.phase is DefinitionPhase.ACTIVE
    assert "nothing new" in await look(rig, first), "it is refused once"

    put(rig, first, f"{hashlib.sha256(b'something else').hexdigest()}.zip", two_routers(topology=THREE_NODES))
    await look(rig, first)
    misnamed = await version(rig, first, "1.0.2")
    assert misnamed.status.phase is DefinitionPhase.PENDING_SYNC
    assert "hash that its content does not have" in misnamed.status.message

    put(rig, first, "broken.zip", two_routers(topology=THREE_NODES))
    await look(rig, first)
    assert (await version(rig, first, "1.0.3")).status.phase is DefinitionPhase.ACTIVE, "mended under the same name"
