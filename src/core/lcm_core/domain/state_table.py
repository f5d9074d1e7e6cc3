"""State tables as data: the one place that says which phases exist and how an aggregate may move.

Nouns: a *stable* state may last; a *transient* state has a target and a deadline; a *final* state is never left.
The *mover* is the party whose command performs an edge. The documentation, the console's tracker and the
transition checks are all read from these rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

PhaseT = TypeVar("PhaseT", bound=StrEnum)


class StateKind(StrEnum):
    """Whether a state may last."""

    STABLE = "stable"
    TRANSIENT = "transient"
    FINAL = "final"


class Mover(StrEnum):
    """Who may move an aggregate out of a state."""

    SCHEDULER = "resource-scheduler"
    WORKER_CONTROLLER = "worker-controller"
    LABLET_CONTROLLER = "lablet-controller"
    CONTROL_PLANE = "control-plane"
    OWNER = "owner"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class StateRow(Generic[PhaseT]):
    """One state: what it means, how long it may last and where it leads.

    ``deadline`` names the field of ``DeadlineSettings`` (or the stored instant) that bounds the state, empty when
    nothing does. ``on_deadline`` is the documented consequence in words.
    """

    state: PhaseT
    kind: StateKind
    sentence: str
    may_go_to: tuple[PhaseT, ...] = ()
    target: PhaseT | None = None
    deadline: str = ""
    on_deadline: str = ""
    moved_by: tuple[Mover, ...] = ()


class IllegalTransition(ValueError):
    """A move that the table does not list; carries what would have been legal."""

    def __init__(self, aggregate: str, current: StrEnum, wanted: StrEnum, legal: tuple[StrEnum, ...]) -> None:
        self.aggregate = aggregate
        self.current = current
        self.wanted = wanted
        self.legal = legal
        options = ", ".join(legal) or "nothing, it is final"
        super().__init__(f"A {aggregate} in phase {current} cannot go to {wanted}; legal from here: {options}.")


class StateTable(Generic[PhaseT]):
    """All rows of one aggregate, checked for completeness when the module is imported."""

    def __init__(self, aggregate: str, initial: Iterable[PhaseT], rows: Iterable[StateRow[PhaseT]]) -> None:
        self.aggregate = aggregate
        self.initial = tuple(initial)
        self._rows = {row.state: row for row in rows}
        self._check()

    def _check(self) -> None:
        phases = set(type(self.initial[0]))
        if phases != set(self._rows):
            raise ValueError(f"{self.aggregate}: rows and phases differ: {phases ^ set(self._rows)}")
        for row in self:
            if row.kind is StateKind.TRANSIENT and (row.target is None or not row.deadline):
                raise ValueError(f"{self.aggregate}.{row.state}: a transient state needs a target and a deadline")
            if (row.kind is StateKind.FINAL) == bool(row.may_go_to):
                raise ValueError(f"{self.aggregate}.{row.state}: exactly the final states have no way out")

    def __iter__(self) -> Iterator[StateRow[PhaseT]]:
        return iter(self._rows.values())

    def row(self, state: PhaseT) -> StateRow[PhaseT]:
        """The row of a state."""
        return self._rows[state]

    def allows(self, current: PhaseT, wanted: PhaseT) -> bool:
        """Whether the table lists the edge."""
        return wanted in self._rows[current].may_go_to

    def require(self, current: PhaseT, wanted: PhaseT) -> None:
        """Raise :class:`IllegalTransition` unless the table lists the edge."""
        if not self.allows(current, wanted):
            raise IllegalTransition(self.aggregate, current, wanted, self._rows[current].may_go_to)

    def is_final(self, state: PhaseT) -> bool:
        """Whether the state is never left."""
        return self._rows[state].kind is StateKind.FINAL
