"""Turning stored JSON back into the dataclasses of `model`."""

from typing import TypeVar, cast

from pydantic import TypeAdapter

from lcm_simulators.cml.model import Lab

T = TypeVar("T")
_LAB = TypeAdapter(Lab)
_ADAPTERS: dict[type, TypeAdapter[object]] = {}


def lab_from_json(text: bytes) -> Lab:
    """A lab as it was written."""
    return _LAB.validate_json(text)


def from_json(kind: type[T], value: object) -> T:
    """Any dataclass of the model (or of licensing) from decoded JSON."""
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = cast("TypeAdapter[object]", TypeAdapter(kind))
    return cast("T", adapter.validate_python(value))
