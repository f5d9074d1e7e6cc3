"""Aggregates as documents.

A *resource* is an aggregate root whose document is ``{_id, kind, version, generation, spec, status, created_at,
updated_at, created_by, outbox[]}``. ``version`` counts writes and is advanced by the repository only after a commit;
``generation`` counts changes of ``spec``. Events recorded on it are written with the state in the same document.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

from neuroglia.data.abstractions import AggregateRoot, AggregateState
from pydantic import BaseModel, ConfigDict, Field
from ulid import ULID

from lcm_core.contracts.common import Condition, ResourceView
from lcm_core.domain.vocabulary import ConditionStatus, Kind

SpecT = TypeVar("SpecT", bound=BaseModel)
StatusT = TypeVar("StatusT", bound=BaseModel)
ViewT = TypeVar("ViewT", bound=ResourceView)


class ResourceEvent(BaseModel):
    """Something that happened to a resource. ``event_id`` is unique for ever; times are aware UTC."""

    model_config = ConfigDict(frozen=True)

    event_id: str = Field(default_factory=lambda: str(ULID()))
    aggregate_id: str = ""
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def event_type(self) -> str:
        """Name of the event in the store and the audit."""
        return type(self).__name__

    def cloud_event_type(self) -> str | None:
        """CloudEvents type to publish under, or None for an event that stays inside."""
        return None


@dataclass
class ResourceState(AggregateState[str], Generic[SpecT, StatusT]):
    """The stored fields of a resource."""

    id: str = ""
    state_version: int = 0
    version: int = 0
    generation: int = 1
    spec: Any = None
    status: Any = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    created_by: str = ""


class Resource(AggregateRoot[ResourceState[Any, Any], str], Generic[SpecT, StatusT]):
    """Base of all aggregates; subclasses name their kind and the models of spec and status."""

    KIND: ClassVar[Kind]
    SPEC: ClassVar[type[BaseModel]]
    STATUS: ClassVar[type[BaseModel]]

    def __init__(self, state: ResourceState[SpecT, StatusT]) -> None:
        # The framework's constructor builds a default state, which a document never has.
        self.state = state
        self._pending_events = []
        self._recorded: list[ResourceEvent] = []

    @classmethod
    def create(cls, resource_id: str, spec: SpecT, status: StatusT, created_by: str, now: datetime) -> Self:
        """A new resource that is not stored yet."""
        return cls(
            ResourceState(
                id=resource_id,
                spec=spec,
                status=status,
                created_by=created_by,
                created_at=now,
                updated_at=now,
            )
        )

    @property
    def key(self) -> str:
        """The identifier."""
        return self.state.id

    @property
    def spec(self) -> SpecT:
        """What is wanted."""
        return self.state.spec  # type: ignore[no-any-return]

    @spec.setter
    def spec(self, value: SpecT) -> None:
        self.state.spec = value

    @property
    def status(self) -> StatusT:
        """What is known."""
        return self.state.status  # type: ignore[no-any-return]

    @status.setter
    def status(self, value: StatusT) -> None:
        self.state.status = value

    @property
    def version(self) -> int:
        """Number of writes so far."""
        return self.state.version

    @property
    def generation(self) -> int:
        """Number of changes of the specification."""
        return self.state.generation

    @property
    def pending_events(self) -> tuple[ResourceEvent, ...]:
        """Events that the next save writes with the state."""
        return tuple(self._recorded)

    def record(self, event: ResourceEvent) -> None:
        """Add an event to the next write."""
        self._recorded.append(event.model_copy(update={"aggregate_id": self.key}))

    def clear_pending_events(self) -> None:
        """Forget the events; called after the commit."""
        self._recorded.clear()

    def touch_spec(self) -> None:
        """Count a change of what is wanted."""
        self.state.generation += 1

    def set_condition(
        self, kind: str, status: ConditionStatus | bool, reason: str, message: str, now: datetime
    ) -> None:
        """Set a condition; ``since`` stays while the status stays."""
        wanted = status if isinstance(status, ConditionStatus) else _truth(status)
        conditions: list[Condition] = self.status.conditions  # type: ignore[attr-defined]
        known = next((condition for condition in conditions if condition.type == kind), None)
        since = known.since if known is not None and known.status is wanted else now
        fresh = Condition(type=kind, status=wanted, reason=reason, message=message, since=since)
        others = [condition for condition in conditions if condition.type != kind]
        self.status.conditions = sorted([*others, fresh], key=lambda item: item.type)  # type: ignore[attr-defined]

    def view(self, model: type[ViewT], **extra: Any) -> ViewT:
        """The wire model of the present state, built without copying spec and status."""
        # Through Any: the type checker's plugin would answer with the bound, not with the model.
        construct: Any = model.model_construct
        view: ViewT = construct(
            id=self.key,
            version=self.version,
            generation=self.generation,
            created_at=self.state.created_at,
            updated_at=self.state.updated_at,
            created_by=self.state.created_by,
            spec=self.spec,
            status=self.status,
            **extra,
        )
        return view


def _truth(value: bool) -> ConditionStatus:
    return ConditionStatus.TRUE if value else ConditionStatus.FALSE
