"""Faults: instructions to misbehave, matched against each call."""

import random
import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator


class FaultKind(StrEnum):
    """What happens to a matching call."""

    LATENCY = "latency"
    STATUS = "status"
    HANG = "hang"
    DROP_AFTER_SUCCESS = "drop_after_success"
    THROTTLE = "throttle"
    WRONG_ANSWER = "wrong_answer"


class FaultMatch(BaseModel):
    """All given fields must fit; an empty match fits every call outside `/admin` and `/health`."""

    model_config = ConfigDict(extra="forbid")

    operation: str | None = None
    path_regex: str | None = None
    method: str | None = None
    key: str | None = None

    @field_validator("path_regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    def fits(self, operation: str, method: str, path: str, key: str) -> bool:
        """Whether a call is meant."""
        return (
            (self.operation is None or self.operation == operation)
            and (self.method is None or self.method.upper() == method.upper())
            and (self.key is None or self.key == key)
            and (self.path_regex is None or re.search(self.path_regex, path) is not None)
        )


class Fault(BaseModel):
    """One instruction; `count` limits how often it strikes (null: for ever), `seconds` are real seconds."""

    model_config = ConfigDict(extra="forbid")

    match: FaultMatch = Field(default_factory=FaultMatch)
    kind: FaultKind
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=1.0, ge=0)
    status: int | None = Field(default=None, ge=100, le=599)
    body: JsonValue = None


class FaultBook:
    """The faults in force. The seed makes `probability` replayable."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # nosec B311 - a replayable simulation, not a secret
        self._faults: list[Fault] = []

    @property
    def faults(self) -> list[Fault]:
        """Faults that can still strike, with the strikes left in `count`."""
        return list(self._faults)

    def replace(self, faults: list[Fault]) -> None:
        """Put a new list in force."""
        self._faults = [fault.model_copy(deep=True) for fault in faults]

    def clear(self) -> None:
        """Behave again."""
        self._faults = []

    def strike(self, operation: str, method: str, path: str, key: str = "") -> Fault | None:
        """The first fault that hits this call, used up by one; None when the call goes well."""
        for fault in self._faults:
            if fault.count == 0 or not fault.match.fits(operation, method, path, key):
                continue
            if fault.probability < 1.0 and self._random.random() >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
            return fault
        return None
