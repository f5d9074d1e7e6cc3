"""Facts from wire models, so that a picture can be taken from the stores or through the API."""

from control_plane_api.application.invariants.picture import ClaimFact, LabFact, Place, SessionFact, WorkerFact
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.sessions import Placement, SessionView
from lcm_core.contracts.workers import LabRecordView, WorkerView


def session_fact(view: SessionView) -> SessionFact:
    """What the invariants need of a session."""
    status = view.status
    return SessionFact(
        id=view.id,
        phase=status.phase,
        slot_end=view.spec.slot.end,
        outcome=status.outcome,
        place=_place(status.placement) if status.placement is not None else None,
        history=tuple(change.phase for change in status.history),
        signals=tuple(signal.event_id for signal in status.signals),
        cml_lab_id=status.lab.cml_lab_id if status.lab is not None else "",
        user_session_id=status.user_session_id,
    )


def _place(placement: Placement) -> Place:
    return Place(
        worker_id=placement.worker_id,
        claim_id=placement.claim_id,
        start=placement.booked.start,
        end=placement.booked.end,
        resources=placement.resources,
        ports=placement.ports,
    )


def worker_fact(view: WorkerView) -> WorkerFact:
    """What the invariants need of a worker."""
    return WorkerFact(
        id=view.id,
        phase=view.status.phase,
        capacity=view.status.capacity,
        lowest_port=view.spec.port_range.low,
        highest_port=view.spec.port_range.high,
        history=tuple(change.phase for change in view.status.history),
        instance_id=view.status.instance.instance_id,
        need_id=view.spec.need_id,
        finalizers=tuple(view.status.finalizers),
    )


def claim_fact(view: ClaimView) -> ClaimFact:
    """A claim."""
    return ClaimFact(
        id=view.claim_id,
        worker_id=view.worker_id,
        session_id=view.session_id,
        start=view.start,
        end=view.end,
        resources=view.resources,
        ports=view.ports,
    )


def lab_fact(view: LabRecordView) -> LabFact:
    """What the invariants need of a lab record."""
    return LabFact(
        id=view.id,
        worker_id=view.spec.worker_id,
        cml_lab_id=view.spec.cml_lab_id,
        phase=view.status.phase,
        source=view.spec.source,
        session_id=view.spec.session_id,
    )
