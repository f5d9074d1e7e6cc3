"""The rubric format: what is looked for in the evidence of a graded lab. Evaluation belongs to the grading engine.

``rubric.yaml``::

    version: 1
    title: VLANs
    cut_score: 70            # percent of the maximum
    sections:
      - name: SW1
        checks:
          - id: sw1-vlan-10
            device: SW1
            source: configuration        # or console
            must_match: '^vlan 10$'      # regular expression, searched in multiline mode
            weight: 2
"""

import re
from enum import StrEnum
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lcm_core.content.document import Document, DocumentLimits, format_path, parse_document, reads_as_other
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError

RUBRIC_FILE = "rubric.yaml"
_LIMITS = DocumentLimits(bytes=1024 * 1024, values=50_000, depth=10, aliases=0)


class EvidenceSource(StrEnum):
    """Which collected file of a device a check reads."""

    CONFIGURATION = "configuration"
    CONSOLE = "console"


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_compiles)]
CheckId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$")]


class _RubricModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RubricCheck(_RubricModel):
    """One thing to find, or not to find, in one file of one device; ``weight`` points when it holds."""

    id: CheckId
    device: str = Field(min_length=1, max_length=128)
    source: EvidenceSource = EvidenceSource.CONFIGURATION
    must_match: Pattern | None = None
    must_not_match: Pattern | None = None
    weight: float = Field(default=1.0, gt=0, le=1000)
    description: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _looks_for_something(self) -> "RubricCheck":
        if self.must_match is None and self.must_not_match is None:
            raise ValueError("give must_match, must_not_match or both")
        return self


class RubricSection(_RubricModel):
    """Checks that are reported together."""

    name: str = Field(min_length=1, max_length=200)
    checks: list[RubricCheck] = Field(min_length=1, max_length=500)

    @property
    def max_score(self) -> float:
        """Points of all checks."""
        return sum(check.weight for check in self.checks)


class Rubric(_RubricModel):
    """How a lab is graded; ``cut_score`` is the percentage of ``max_score`` that passes."""

    version: Literal[1] = 1
    title: str = Field(default="", max_length=200)
    cut_score: float = Field(default=70.0, ge=0, le=100)
    sections: list[RubricSection] = Field(min_length=1, max_length=200)

    @property
    def max_score(self) -> float:
        """Points of all sections."""
        return sum(section.max_score for section in self.sections)

    @property
    def devices(self) -> frozenset[str]:
        """Labels of the devices that some check reads."""
        return frozenset(check.device for section in self.sections for check in section.checks)

    @model_validator(mode="after")
    def _unique_ids(self) -> "Rubric":
        seen: set[str] = set()
        for section in self.sections:
            for check in section.checks:
                if check.id in seen:
                    raise ValueError(f"the check id {check.id!r} appears twice")
                seen.add(check.id)
        return self


def parse_rubric(content: bytes | str, file: str = RUBRIC_FILE) -> Rubric:
    """Read a rubric. Raises ``ContentRefused`` with every fault, its line and field."""
    return rubric_of(parse_document(content, file, _LIMITS))


def rubric_of(document: Document) -> Rubric:
    """The rubric in a parsed document. Raises ``ContentRefused``."""
    if not isinstance(document.value, dict):
        raise ContentRefused.one(document.file, "document", "a rubric is a map with version and sections", 1)
    try:
        return Rubric.model_validate(document.value)
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_context=False):
            path = tuple(fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            line = document.line_of(path)
            faults.append(ContentError(file=document.file, line=line, field=format_path(path), message=message))
        raise ContentRefused(faults) from error


def rubric_yaml(rubric: Rubric) -> str:
    """The rubric as ``rubric.yaml``, the same text for the same rubric."""
    body = rubric.model_dump(mode="json", exclude_none=True)
    text: str = yaml.dump(body, Dumper=_RubricDumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


class _RubricDumper(yaml.SafeDumper):
    """Quotes what our reader would not read as text, such as a device called 08."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if reads_as_other(text) else None)


_RubricDumper.add_representer(str, _represent_text)
