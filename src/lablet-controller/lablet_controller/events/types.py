"""Which event types mean what: one table for every spelling that senders use."""

from lcm_core.domain.vocabulary import SignalType

_PREFIXES = ("", "io.lablet.", "com.cisco.certs.")
_SUFFIXES = ("", ".v1")


def _spellings() -> dict[str, SignalType]:
    table: dict[str, SignalType] = {}
    for signal in SignalType:
        base = signal.value.removesuffix(".v1")
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                table[f"{prefix}{base}{suffix}"] = signal
    return table


SIGNALS = _spellings()
"""Signal by spelling: with and without version, in the present and the two older name spaces."""


def signal_of(event_type: str) -> SignalType | None:
    """What an event type means, None for one that is only recorded."""
    return SIGNALS.get(event_type)
