"""The warm pool: imported, wiped copies of a definition's lab wait on a worker for its next session.

A pooled lab says in its notes which definition and package it is a copy of. Taking one is claimed by a key in etcd that
only one session can create, then the lab gets the session's ports and, where a learner or the collection of evidence
changed them, its original configurations. Its title and notes change last: until then it is still the pool's.
"""

import re
from collections.abc import Sequence

from lablet_controller.failpoints import failpoint
from lablet_controller.labs.teardown import stop_lab
from lablet_controller.outside import Deps
from lablet_controller.pipeline.model import StepContext
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.workers import LabRecordBatch, LabRecordReport, LabRecordView
from lcm_core.domain.vocabulary import DefinitionPhase, LabPhase, LabSource
from lcm_core.spi.cml_labs import CmlLabs, LabState, NodeInfo
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideNotFound
from lcm_core.topology import POOL_OWNER, Topology, lab_title, parse_topology, rewrite_topology
from lcm_core.topology.rewrite import lab_notes

COPY_LINE = "lcm-copy-of:"
_COPY = re.compile(rf"^{COPY_LINE} (\S+) (\S+)\s*$", re.MULTILINE)
_WARM = frozenset({LabPhase.WIPED, LabPhase.DEFINED})


def copy_of(notes: str) -> tuple[str, str]:
    """Definition id and package hash of a pooled lab, two empty texts when the notes say nothing."""
    match = _COPY.search(notes)
    return (match.group(1), match.group(2)) if match else ("", "")


def pool_notes(definition_id: str, package_sha256: str) -> str:
    """Notes of a pooled lab."""
    return lab_notes(POOL_OWNER, f"{COPY_LINE} {definition_id} {package_sha256}\n")


async def warm_labs(deps: Deps, worker_id: str, definition_id: str) -> Sequence[LabRecordView]:
    """Records of the pooled copies of a definition on a worker."""
    return [
        record
        async for record in deps.control_plane.lab_records(worker_id=worker_id, source=LabSource.POOL.value)
        if record.spec.definition_id == definition_id and not record.spec.session_id and record.status.phase in _WARM
    ]


async def take_pooled_lab(context: StepContext, topology: Topology) -> str:
    """Claim a pooled lab and make it the session's; its id, empty when there is none."""
    definition = context.definition
    if not definition.spec.warm_pool_depth:
        return ""
    wanted = (definition.id, context.content.package_sha256)
    for record in await warm_labs(context.deps, context.placement.worker_id, definition.id):
        lab_id = record.spec.cml_lab_id
        if not await context.deps.claim_lab(lab_id, context.session.id):
            continue
        try:
            lab = await context.deps.outside.cml.lab(context.cml, lab_id)
            if lab.state is not LabState.DEFINED or copy_of(lab.notes) != wanted:
                continue  # a ghost: on record, but not what the record says
            await _make_it_the_sessions(context, topology, lab_id)
        except OutsideNotFound:
            continue
        return lab_id
    return ""


async def _make_it_the_sessions(context: StepContext, topology: Topology, lab_id: str) -> None:
    cml, session = context.deps.outside.cml, context.session
    wanted = parse_topology(rewrite_topology(topology, context.placement.ports, session.id))
    for node in await cml.nodes(context.cml, lab_id, with_configurations=True):
        await _restore(cml, context.cml, lab_id, node, wanted)
    failpoint("pool.prepared")
    title = lab_title(session.id, session.spec.definition_title)
    await cml.rename(context.cml, lab_id, title, lab_notes(session.id, topology.notes))


async def _restore(cml: CmlLabs, target: CmlTarget, lab_id: str, node: NodeInfo, wanted: Topology) -> None:
    """Give a node the tags and configurations of the topology, where they differ."""
    original = wanted.node(node.label)
    if original is None:
        return
    if tuple(node.tags) != original.tags:
        await cml.retag(target, lab_id, node.id, original.tags)
    texts = list(original.files.values())
    changed = dict(zip(node.files, texts, strict=False)) if len(original.files) == 1 else dict(original.files)
    if any(node.files.get(name) != text for name, text in changed.items()):
        await cml.configure(target, lab_id, node.id, changed)


def poolable(topology: Topology, definition: DefinitionView) -> bool:
    """Whether copies may be kept: ports that stand elsewhere than in tags could not be changed later."""
    if not definition.spec.warm_pool_depth or definition.status.phase is not DefinitionPhase.ACTIVE:
        return False
    stack: list[tuple[object, bool]] = [(topology.document.value, False)]
    while stack:
        value, in_tags = stack.pop()
        if isinstance(value, str) and "${PORT_" in value and not in_tags:
            return False
        if isinstance(value, dict):
            stack.extend((part, in_tags or key in ("tags", "tag")) for key, part in value.items())
        elif isinstance(value, list):
            stack.extend((part, in_tags) for part in value)
    return True


async def give_to_pool(context: StepContext, lab_id: str) -> bool:
    """Wipe a session's lab and keep it, when the pool of its worker has room; False when it is to be removed."""
    deps, definition = context.deps, context.definition
    if context.worker is None or context.worker.spec.drain or not definition.spec.warm_pool_depth:
        return False
    if not poolable(await deps.topologies.get(context.content), definition):
        return False
    if len(await warm_labs(deps, context.placement.worker_id, definition.id)) >= definition.spec.warm_pool_depth:
        return False
    await stop_lab(deps, context.cml, lab_id)
    try:
        await deps.outside.cml.wipe(context.cml, lab_id)
        await _rename_for_pool(deps, context.cml, lab_id, definition)
    except OutsideNotFound:
        return False
    await _report(deps, context.placement.worker_id, lab_id, definition)
    await deps.release_lab(lab_id)
    return True


async def import_copy(deps: Deps, worker_id: str, target: CmlTarget, definition: DefinitionView) -> bool:
    """Add one copy to the pool of a worker; False for a definition whose copies cannot be kept."""
    content = definition.status.content
    if content is None:
        return False
    topology = await deps.topologies.get(content)
    if not poolable(topology, definition):
        return False
    # The numbers do not matter: a copy never runs before it was given a session's ports.
    ports = {slot.name: 2000 + index for index, slot in enumerate(content.port_template)}
    lab_id = await deps.outside.cml.import_lab(target, rewrite_topology(topology, ports, POOL_OWNER))
    await _rename_for_pool(deps, target, lab_id, definition)
    await _report(deps, worker_id, lab_id, definition)
    return True


async def _rename_for_pool(deps: Deps, target: CmlTarget, lab_id: str, definition: DefinitionView) -> None:
    sha256 = definition.status.content.package_sha256 if definition.status.content else ""
    title = lab_title(POOL_OWNER, definition.spec.title)
    await deps.outside.cml.rename(target, lab_id, title, pool_notes(definition.id, sha256))


async def _report(deps: Deps, worker_id: str, lab_id: str, definition: DefinitionView) -> None:
    content = definition.status.content
    report = LabRecordReport(
        cml_lab_id=lab_id,
        title=lab_title(POOL_OWNER, definition.spec.title),
        phase=LabPhase.WIPED,
        source=LabSource.POOL,
        definition_id=definition.id,
        topology_sha256=content.topology_sha256 if content else "",
        node_count=content.node_count if content else 0,
        released=True,
        message="Waits for the next session.",
    )
    await deps.control_plane.report_labs(LabRecordBatch(worker_id=worker_id, items=[report]))
