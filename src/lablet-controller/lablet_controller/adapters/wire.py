"""Validation of what remote systems answer."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lcm_core.spi.errors import OutsideUnavailable

T = TypeVar("T")


class Answer(BaseModel):
    """Base of answers: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


def read(system: str, adapter: TypeAdapter[T], value: object) -> T:
    """The typed answer; one that does not fit counts as unavailable, it may be a proxy's while the system starts."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise OutsideUnavailable(system, f"answered with an unexpected body ({place}: {first['msg']})") from error
