"""What one reconcile of one key came to, in one sentence."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OutcomeKind(StrEnum):
    """Kinds of outcome; see the constructors of ``Outcome``."""

    DONE = "done"
    REQUEUE = "requeue"
    RETRY = "retry"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a reconcile.

    ``reason`` is a CamelCase code for machines, ``sentence`` one sentence for people; both are logged, counted and
    shown. ``after`` is in real seconds; ``at`` is an instant of domain time.
    """

    kind: OutcomeKind
    reason: str
    sentence: str
    after: float | None = None
    at: datetime | None = None

    @classmethod
    def done(cls, reason: str, sentence: str) -> "Outcome":
        """Nothing to do until something changes."""
        return cls(OutcomeKind.DONE, reason, sentence)

    @classmethod
    def requeue_after(cls, seconds: float, reason: str, sentence: str) -> "Outcome":
        """Look again after so many real seconds; for polling the outside world."""
        return cls(OutcomeKind.REQUEUE, reason, sentence, after=seconds)

    @classmethod
    def requeue_at(cls, instant: datetime, reason: str, sentence: str) -> "Outcome":
        """Look again at an instant of domain time; for slots and deadlines."""
        return cls(OutcomeKind.REQUEUE, reason, sentence, at=instant)

    @classmethod
    def retry(cls, reason: str, sentence: str, *, after: float | None = None) -> "Outcome":
        """A passing failure: again after the key's back-off, or after so many real seconds."""
        return cls(OutcomeKind.RETRY, reason, sentence, after=after)

    @classmethod
    def terminal(cls, reason: str, sentence: str) -> "Outcome":
        """A failure that repeating cannot mend: again only when the object changes or at the next resync."""
        return cls(OutcomeKind.TERMINAL, reason, sentence)

    @property
    def failed(self) -> bool:
        """Whether this is a failure of either kind."""
        return self.kind in (OutcomeKind.RETRY, OutcomeKind.TERMINAL)

    @property
    def looks_again(self) -> bool:
        """Whether the work goes on soon by itself: a passing failure, or something outside that is waited for."""
        return self.kind is OutcomeKind.RETRY or (self.kind is OutcomeKind.REQUEUE and self.at is None)


class ReconcileError(Exception):
    """A failure with its reason, raised from anywhere inside a reconcile."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class RetryableError(ReconcileError):
    """Ends the reconcile as ``Outcome.retry``; ``after`` in real seconds replaces the back-off."""

    def __init__(self, reason: str, sentence: str, *, after: float | None = None) -> None:
        super().__init__(reason, sentence)
        self.after = after


class TerminalError(ReconcileError):
    """Ends the reconcile as ``Outcome.terminal``."""
