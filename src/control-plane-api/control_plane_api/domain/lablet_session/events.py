"""What happens to sessions, as events."""

from control_plane_api.kernel.aggregate import ResourceEvent
from lcm_core.contracts.common import Slot
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, SignalType


class SessionReserved(ResourceEvent):
    """A reservation was accepted."""

    owner: str
    definition_id: str
    slot: Slot

    def cloud_event_type(self) -> str:
        """Published as the first phase."""
        return "lcm.session.pending.v1"


class SessionMoved(ResourceEvent):
    """A session changed its phase."""

    previous: SessionPhase
    phase: SessionPhase
    reason: str
    message: str = ""
    outcome: SessionOutcome | None = None
    worker_id: str = ""

    def cloud_event_type(self) -> str:
        """One type per phase."""
        return f"lcm.session.{self.phase}.v1"


class SessionSpecChanged(ResourceEvent):
    """What is wanted of a session changed."""

    change: str
    message: str = ""


class SessionProgressed(ResourceEvent):
    """A pipeline step, a condition or an explanation changed."""

    message: str = ""


class SessionSignaled(ResourceEvent):
    """An inbound event was attached to a session; ``inbound_id`` is its source and id."""

    inbound_id: str
    signal: SignalType


class ScoreReported(ResourceEvent):
    """A score report was stored."""

    score: float
    max_score: float
    passed: bool

    def cloud_event_type(self) -> str:
        """Published for those who wait for results."""
        return "lcm.score.reported.v1"
