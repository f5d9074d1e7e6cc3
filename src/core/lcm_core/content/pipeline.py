"""The pipeline format: steps that a lab's author adds to the building of the lab.

``pipeline.yaml``::

    version: 1
    extends: instantiate
    steps:
      - name: banner
        after: lab                       # a standard step, or an added one that stands before
        action: configure
        device: R1
        configuration: |
          hostname R1
          banner motd ^Session ${SESSION_ID}^
      - name: routes
        after: boot
        action: wait-console
        device: R1
        must_contain: OSPF-5-ADJCHG
        timeout_seconds: 120             # domain time
        optional: true                   # when it fails, the lab is ready all the same
        when: graded                     # always, graded, delivered or imported
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lcm_core.content.document import Document, DocumentLimits, Path, format_path, parse_document
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError
from lcm_core.contracts.pipelines import AddedStep, CheckStep, ConfigureStep, PauseStep
from lcm_core.topology.model import Topology
from lcm_core.topology.ports import PLACEHOLDER

PIPELINE_FILE = "pipeline.yaml"
STANDARD_STEPS = ("content", "lab", "boot", "delivery", "devices")
"""Names of the steps that every lab is built with, in their order."""
MAX_STEPS = 20
_LIMITS = DocumentLimits(bytes=1024 * 1024, values=2000, depth=8, aliases=0)
_ACTIONS = frozenset({"pause", "configure", "wait-console", "check-configuration"})


class _PipelineFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    extends: Literal["instantiate"] = "instantiate"
    steps: list[AddedStep] = Field(min_length=1, max_length=MAX_STEPS)


def parse_pipeline(content: bytes | str, topology: Topology, ports: Sequence[str]) -> list[AddedStep]:
    """Read the added steps of a package whose topology asks for these port names.

    Raises ``ContentRefused`` with every fault, its line and field.
    """
    document = parse_document(content, PIPELINE_FILE, _LIMITS)
    if not isinstance(document.value, dict):
        raise ContentRefused.one(document.file, "document", "a pipeline is a map with version and steps", 1)
    try:
        steps = _PipelineFile.model_validate(document.value).steps
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise ContentRefused([_fault(document, _place(fault["loc"]), fault["msg"]) for fault in faults]) from error
    errors = [
        _fault(document, ("steps", index, field), message)
        for index, step in enumerate(steps)
        for field, message in _faults(step, steps[:index], topology, ports)
    ]
    if errors:
        raise ContentRefused(errors)
    return steps


def step_order(steps: Sequence[AddedStep]) -> list[str]:
    """Names of all steps of a build: each added one behind the one it follows, in the order of the file."""
    order, parents = list(STANDARD_STEPS), {step.name: step.after for step in steps}
    for step in steps:
        place = order.index(step.after) + 1
        while place < len(order) and step.after in _line(order[place], parents):
            place += 1
        order.insert(place, step.name)
    return order


def _line(name: str, parents: dict[str, str]) -> list[str]:
    """What an added step follows, directly or through others."""
    found = []
    while name in parents:
        name = parents[name]
        found.append(name)
    return found


def _place(location: tuple[str | int, ...]) -> Path:
    """Without the name of the action, which the file does not have as a level of its own."""
    return tuple(part for index, part in enumerate(location) if not (index == 2 and part in _ACTIONS))


def _fault(document: Document, path: Path, message: str) -> ContentError:
    text = message.removeprefix("Value error, ")
    return ContentError(file=document.file, line=document.line_of(path), field=format_path(path), message=text)


def _faults(
    step: AddedStep, before: Sequence[AddedStep], topology: Topology, ports: Sequence[str]
) -> list[tuple[str, str]]:
    """Field and message of what is wrong with a step beside its form."""
    names = {*STANDARD_STEPS, *(known.name for known in before)}
    found = []
    if step.name in names:
        found.append(("name", f"there is a step {step.name!r} already"))
    if step.after not in names:
        found.append(("after", f"there is no step {step.after!r} before this one"))
    if isinstance(step, PauseStep):
        return found
    root = _root(step, before)
    node = topology.node(step.device)
    if node is None:
        found.append(("device", f"there is no node {step.device!r} in the topology"))
    elif not node.definition.counts:
        found.append(("device", f"{step.device!r} is a {node.node_definition}, which cannot be asked"))
    if isinstance(step, ConfigureStep):
        if root != "lab":
            found.append(("after", "a device is configured after the step lab, before it boots"))
        found += _unknown_ports(step.configuration, ports)
        return found
    if root not in ("boot", "delivery", "devices"):
        found.append(("after", "a device answers only after the step boot"))
    if isinstance(step, CheckStep) and step.must_contain is None and step.must_not_contain is None:
        found.append(("must_contain", "give must_contain, must_not_contain or both"))
    return found


def _root(step: AddedStep, before: Sequence[AddedStep]) -> str:
    parents = {known.name: known.after for known in before}
    return ([step.after, *_line(step.after, parents)])[-1]


def _unknown_ports(text: str, ports: Sequence[str]) -> list[tuple[str, str]]:
    unknown = sorted({match.group(1) for match in PLACEHOLDER.finditer(text)} - set(ports))
    return [("configuration", f"no tag declares the port ${{PORT_{name}}}") for name in unknown]
