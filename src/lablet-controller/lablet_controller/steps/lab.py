"""Steps *lab* and *boot*: the session's lab exists on its worker with its own ports, and every node runs."""

from lablet_controller.failpoints import failpoint
from lablet_controller.labs.asking import IMPORT_UNHEARD
from lablet_controller.labs.holders import HELD_PAUSE, held_message, start_lab
from lablet_controller.labs.lookup import labs_of
from lablet_controller.labs.pool import take_pooled_lab
from lablet_controller.labs.reports import report_lab
from lablet_controller.labs.teardown import remove_lab, wait_converged
from lablet_controller.pipeline.model import StepContext, StepFailed, StepResult
from lcm_core.contracts.sessions import LabRef
from lcm_core.domain.vocabulary import LabPhase
from lcm_core.spi.cml_labs import LabState, NodeState
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused
from lcm_core.topology import Topology, lab_title, owner_of, parse_topology, rewrite_topology
from lcm_core.topology.rewrite import lab_notes

UP = frozenset({NodeState.BOOTED, NodeState.STARTED})


async def make_lab(context: StepContext) -> StepResult:
    """Adopt the lab an earlier attempt made, take one from the warm pool, or import the topology."""
    cml = context.deps.outside.cml
    session_id = context.session.id
    title = lab_title(session_id, context.session.spec.definition_title)
    if context.attempted or context.unsettled:
        found = await labs_of(cml, context.cml, session_id)
        if found:
            ref = LabRef(cml_lab_id=found[0].id, title=found[0].title)
            return StepResult("Adopted the lab of an earlier attempt.", {"cml_lab_id": ref.cml_lab_id}, lab=ref)
    if context.unsettled:
        return StepResult(IMPORT_UNHEARD, wait=context.unsettled)
    topology = await context.deps.topologies.get(context.content)
    bound = context.session.status.lab
    if bound is not None and not context.attempted and await _adopt_bound(context, topology, bound.cml_lab_id):
        outputs = {"cml_lab_id": bound.cml_lab_id}
        return StepResult("An operator gave it this lab.", outputs, lab=bound)
    pooled = await take_pooled_lab(context, topology)
    if pooled:
        return StepResult(
            "Taken from the warm pool.",
            {"cml_lab_id": pooled, "pooled": "true"},
            lab=LabRef(cml_lab_id=pooled, title=title),
        )
    text = rewrite_topology(topology, context.placement.ports, session_id)
    lab_id = await cml.import_lab(context.cml, text)
    failpoint("lab.imported")
    return StepResult("Lab imported.", {"cml_lab_id": lab_id}, lab=LabRef(cml_lab_id=lab_id, title=title))


async def _adopt_bound(context: StepContext, topology: Topology, lab_id: str) -> bool:
    """Make a lab that somebody gave to the session its own, with its ports; False when it is gone."""
    cml, session = context.deps.outside.cml, context.session
    wanted = parse_topology(rewrite_topology(topology, context.placement.ports, session.id))
    try:
        lab = await cml.lab(context.cml, lab_id)
        for node in await cml.nodes(context.cml, lab_id):
            original = wanted.node(node.label)
            if original is not None and tuple(node.tags) != original.tags:
                await cml.retag(context.cml, lab_id, node.id, original.tags)
        if owner_of(lab.title, lab.notes) != session.id:
            title = lab_title(session.id, session.spec.definition_title)
            await cml.rename(context.cml, lab_id, title, lab_notes(session.id, lab.notes))
    except OutsideNotFound:
        return False
    return True


async def undo_lab(context: StepContext) -> None:
    """Remove every lab of the session from its worker; nothing to do when the worker is gone."""
    if context.target is None:
        return
    known = context.output("lab", "cml_lab_id")
    found = [] if known else await labs_of(context.deps.outside.cml, context.target, context.session.id)
    for lab_id in [known] if known else [lab.id for lab in found]:
        await remove_lab(context.deps, context.target, lab_id)
        await report_lab(context, lab_id, LabPhase.DELETED)


async def boot_lab(context: StepContext) -> StepResult:
    """Start the lab and wait, patiently but briefly, until every node runs."""
    cml, lab_id = context.deps.outside.cml, context.output("lab", "cml_lab_id")
    try:
        if not context.attempted or (await cml.lab(context.cml, lab_id)).state is not LabState.STARTED:
            holder = await _start(context, lab_id)
            if holder:
                return StepResult(held_message(holder), wait=HELD_PAUSE)
            failpoint("lab.started")
        pause = await wait_converged(context.deps, context.cml, lab_id)
        if pause is not None:
            return StepResult("Nodes are booting.", wait=pause)
        nodes = await cml.nodes(context.cml, lab_id)
    except OutsideNotFound as error:
        raise StepFailed("LabLost", f"The lab vanished while it booted: {error}", elsewhere=True) from error
    down = sorted(node.label for node in nodes if node.state not in UP)
    if down:
        raise StepFailed("NodesNotBooted", f"These nodes did not boot: {', '.join(down[:20])}.", elsewhere=True)
    record_id = await report_lab(context, lab_id, LabPhase.BOOTED)
    title = lab_title(context.session.id, context.session.spec.definition_title)
    lab = LabRef(lab_record_id=record_id, cml_lab_id=lab_id, title=title)
    return StepResult(f"{len(nodes)} nodes run.", {"lab_record_id": record_id}, lab=lab)


async def _start(context: StepContext, lab_id: str) -> str:
    try:
        return await start_lab(context, lab_id)
    except OutsideNotFound:
        raise
    except OutsideRefused as error:
        raise StepFailed("StartRefused", str(error), elsewhere=True) from error
