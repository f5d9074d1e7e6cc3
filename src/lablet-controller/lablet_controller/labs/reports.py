"""What is reported of a session's lab."""

from lablet_controller.pipeline.model import StepContext
from lcm_core.contracts.workers import LabRecordBatch, LabRecordReport
from lcm_core.domain.vocabulary import LabPhase, LabSource
from lcm_core.topology import lab_title


async def report_lab(context: StepContext, lab_id: str, phase: LabPhase) -> str:
    """Store where the session's lab stands; the id of its record, empty when the control plane refused it."""
    content = context.definition.status.content
    report = LabRecordReport(
        cml_lab_id=lab_id,
        title=lab_title(context.session.id, context.session.spec.definition_title),
        phase=phase,
        source=LabSource.SESSION,
        session_id=context.session.id,
        definition_id=context.session.spec.definition_id,
        topology_sha256=content.topology_sha256 if content else "",
        node_count=content.node_count if content else 0,
        resources=context.placement.resources,
        ports=sorted(context.placement.ports.values()),
    )
    batch = LabRecordBatch(worker_id=context.placement.worker_id, items=[report])
    result = await context.deps.control_plane.report_labs(batch)
    return result.items[0].id if result.items else ""
