"""Wire models of accepted CloudEvents on their way to the store."""

from pydantic import Field

from lcm_core.contracts.common import RequestModel, UtcTime, View
from lcm_core.domain.vocabulary import SignalType


class InboundEvent(RequestModel):
    """An accepted CloudEvent on its way to the store."""

    source: str = Field(min_length=1, max_length=300)
    id: str = Field(min_length=1, max_length=200)
    type: str = Field(min_length=1, max_length=200)
    signal: SignalType | None = None
    subject: str = ""
    session_id: str = ""
    external_id: str = ""
    time: UtcTime | None = None
    data_json: str = Field(default="{}", max_length=262_144)


class InboundEventView(View):
    """A stored event; ``attached`` says that its session was told of it."""

    id: str
    event: InboundEvent
    stored_at: UtcTime
    attached: bool


class InboundEventBatch(RequestModel):
    """Up to 200 events, one database write."""

    items: list[InboundEvent] = Field(min_length=1, max_length=200)


class InboundEventResult(View):
    """``stored``, ``duplicate`` or ``ignored`` (unknown type or session, or a session that is over), per event."""

    id: str
    result: str


class InboundEventBatchResult(View):
    """One result per event in the order sent."""

    items: list[InboundEventResult]
