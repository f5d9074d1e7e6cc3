"""Wire models of what a definition adds to the building of its lab: steps as data."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lcm_core.contracts.common import RequestModel, Sentence

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class StepWhen(StrEnum):
    """When an added step is needed."""

    ALWAYS = "always"
    GRADED = "graded"
    DELIVERED = "delivered"
    IMPORTED = "imported"


class _AddedStep(RequestModel):
    """``after`` names the step that it follows and needs. Times are seconds of domain time."""

    name: StepName
    after: StepName
    when: StepWhen = StepWhen.ALWAYS
    optional: bool = False
    attempts: int | None = Field(default=None, ge=1, le=50)
    timeout_seconds: float = Field(default=300.0, gt=0, le=3600)
    description: Sentence = ""


class PauseStep(_AddedStep):
    """Waits, so that protocols in the lab can settle."""

    action: Literal["pause"]
    seconds: float = Field(gt=0, le=3600)


class ConfigureStep(_AddedStep):
    """Gives a device another start configuration; ``${PORT_…}``, ``${SESSION_ID}`` and ``${OWNER}`` are filled in."""

    action: Literal["configure"]
    device: str = Field(min_length=1, max_length=128)
    configuration: str = Field(min_length=1, max_length=65_536)


class ConsoleStep(_AddedStep):
    """Waits until a line of the device's console holds the text ``must_contain``."""

    action: Literal["wait-console"]
    device: str = Field(min_length=1, max_length=128)
    must_contain: str = Field(min_length=1, max_length=500)


class CheckStep(_AddedStep):
    """Waits until a line of the device's running configuration holds ``must_contain``, none ``must_not_contain``."""

    action: Literal["check-configuration"]
    device: str = Field(min_length=1, max_length=128)
    must_contain: str | None = Field(default=None, min_length=1, max_length=500)
    must_not_contain: str | None = Field(default=None, min_length=1, max_length=500)


AddedStep = Annotated[PauseStep | ConfigureStep | ConsoleStep | CheckStep, Field(discriminator="action")]
"""Texts are looked for as they stand: a pattern of a stranger's must not be able to busy a controller."""
