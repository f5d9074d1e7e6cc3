"""What happens to workers and templates, as events."""

from control_plane_api.kernel.aggregate import ResourceEvent
from lcm_core.domain.vocabulary import WorkerPhase


class WorkerWanted(ResourceEvent):
    """A worker was asked for."""

    reason: str
    message: str = ""
    template_id: str = ""
    region: str = ""

    def cloud_event_type(self) -> str:
        """Scale-up, whoever asked for it."""
        return "lcm.worker.scaled.up.v1"


class WorkerMoved(ResourceEvent):
    """A worker changed its phase."""

    previous: WorkerPhase
    phase: WorkerPhase
    reason: str
    message: str = ""

    def cloud_event_type(self) -> str:
        """One type per phase."""
        return f"lcm.worker.{self.phase}.v1"


class WorkerSpecChanged(ResourceEvent):
    """What is wanted of a worker changed."""

    change: str
    message: str = ""


class WorkerScaledDown(ResourceEvent):
    """The platform decided that a worker is not needed now."""

    reason: str
    message: str = ""

    def cloud_event_type(self) -> str:
        """Published beside the phases it leads to."""
        return "lcm.worker.scaled.down.v1"


class WorkerObserved(ResourceEvent):
    """Something observed of a worker changed."""

    message: str = ""


class TemplateChanged(ResourceEvent):
    """A worker template was created or changed."""

    change: str
