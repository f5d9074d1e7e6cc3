"""Instants as whole microseconds since 1970, so that intervals compare exactly and fast."""

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Microseconds of an aware instant."""
    return (instant - _EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The aware UTC instant of microseconds."""
    return _EPOCH + timedelta(microseconds=value)


def clock_text(value: int) -> str:
    """How an instant reads in a sentence: ``10:15`` with its date, in UTC."""
    return instant(value).strftime("%Y-%m-%d %H:%M")
