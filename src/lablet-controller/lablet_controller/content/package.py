"""A content package, checked as a whole: everything that is wrong with it is found in one go."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lablet_controller.content.archive import read_archive
from lablet_controller.content.devices import DEVICES_FILE, DeviceEntry, device_templates, read_devices
from lablet_controller.content.drawing import drawing_of
from lcm_core.content.document import Document, DocumentLimits, format_path, parse_document
from lcm_core.content.errors import ContentRefused
from lcm_core.content.pipeline import PIPELINE_FILE, parse_pipeline
from lcm_core.content.rubric import RUBRIC_FILE, Rubric, rubric_of, rubric_yaml
from lcm_core.contracts.definitions import ContentError, DerivedContent, DeviceTemplate, PortSlot
from lcm_core.contracts.pipelines import AddedStep
from lcm_core.topology import TOPOLOGY_FILE, Topology, estimate_resources, parse_topology, port_template

T = TypeVar("T")
META_FILE = "mosaic_meta.json"
META_LIMITS = DocumentLimits(bytes=256 * 1024, values=2000, depth=8, aliases=0)
RUBRIC_LIMITS = DocumentLimits(bytes=1024 * 1024, values=50_000, depth=10, aliases=0)
META_FIELDS, META_TEXT = 50, 500
BUCKET_LENGTH = 63
"""Longest name of an S3 bucket."""


@dataclass(frozen=True, slots=True)
class ContentPackage:
    """A package that follows the rules."""

    sha256: str
    topology: Topology
    topology_sha256: str
    ports: tuple[PortSlot, ...]
    devices: tuple[DeviceTemplate, ...]
    rubric: Rubric | None
    upstream: Mapping[str, str]
    added_steps: tuple[AddedStep, ...] = ()

    @property
    def rubric_text(self) -> str:
        """The rubric in its normal form, empty when there is none."""
        return rubric_yaml(self.rubric) if self.rubric else ""


def bucket_of(form_qualified_name: str) -> str:
    """The bucket of a form: its slug, cut to what S3 accepts (a hash keeps cut names apart)."""
    slug = re.sub(r"[^a-z0-9]+", "-", form_qualified_name.lower()).strip("-")
    if len(slug) > BUCKET_LENGTH:
        digest = hashlib.sha256(form_qualified_name.encode()).hexdigest()[:8]
        slug = f"{slug[: BUCKET_LENGTH - 9].rstrip('-')}-{digest}"
    return slug if len(slug) >= 3 else f"lcm-{slug}"


def read_package(content: bytes) -> ContentPackage:
    """Check a package. Raises ``ContentRefused`` with every fault of every file."""
    files = read_archive(content)
    errors: list[ContentError] = []
    if TOPOLOGY_FILE not in files:
        raise ContentRefused.one(TOPOLOGY_FILE, "document", "the package has no cml.yaml at its top")
    topology = _collect(errors, lambda: parse_topology(files[TOPOLOGY_FILE]))
    entries = _collect(errors, lambda: read_devices(files.get(DEVICES_FILE)))
    rubric_document = _collect(errors, lambda: _document(files, RUBRIC_FILE, RUBRIC_LIMITS))
    rubric = _collect(errors, lambda: rubric_of(rubric_document)) if rubric_document else None
    upstream = _collect(errors, lambda: _upstream(files))
    if topology is None:
        raise ContentRefused(errors)
    ports = _collect(errors, lambda: port_template(topology))
    devices = _collect(errors, lambda: _devices(errors, topology, ports, entries))
    steps = _collect(errors, lambda: _added_steps(files, topology, ports))
    if rubric and rubric_document:
        errors.extend(_rubric_faults(rubric, rubric_document, topology))
    if errors or ports is None or devices is None or upstream is None:
        raise ContentRefused(errors)
    return ContentPackage(
        sha256=hashlib.sha256(content).hexdigest(),
        topology=topology,
        topology_sha256=hashlib.sha256(files[TOPOLOGY_FILE]).hexdigest(),
        ports=ports,
        devices=tuple(devices),
        rubric=rubric,
        upstream=upstream,
        added_steps=tuple(steps or ()),
    )


def derive(package: ContentPackage, bucket: str, package_key: str, rubric_key: str) -> DerivedContent:
    """What the control plane is told of a stored package."""
    return DerivedContent(
        package_sha256=package.sha256,
        package_bucket=bucket,
        package_key=package_key,
        topology_sha256=package.topology_sha256,
        rubric_key=rubric_key,
        node_count=max(1, package.topology.node_count),
        node_definitions=list(package.topology.node_definitions),
        estimated=estimate_resources(package.topology),
        port_template=list(package.ports),
        devices=list(package.devices),
        drawing=drawing_of(package.topology),
        added_steps=list(package.added_steps),
        upstream=dict(package.upstream),
    )


def _collect(errors: list[ContentError], work: Callable[[], T]) -> T | None:
    """The result, or None with the faults kept, so that the other files are looked at too."""
    try:
        return work()
    except ContentRefused as refused:
        errors.extend(refused.errors)
        return None


def _devices(
    errors: list[ContentError],
    topology: Topology,
    ports: tuple[PortSlot, ...] | None,
    entries: Sequence[DeviceEntry] | None,
) -> list[DeviceTemplate]:
    if ports is None:  # the tags are wrong, which is reported already
        raise ContentRefused(errors)
    return device_templates(topology, ports, entries)


def _added_steps(files: Mapping[str, bytes], topology: Topology, ports: tuple[PortSlot, ...] | None) -> list[AddedStep]:
    if PIPELINE_FILE not in files:
        return []
    return parse_pipeline(files[PIPELINE_FILE], topology, [port.name for port in ports or ()])


def _document(files: Mapping[str, bytes], name: str, limits: DocumentLimits) -> Document | None:
    return parse_document(files[name], name, limits) if name in files else None


def _upstream(files: Mapping[str, bytes]) -> dict[str, str]:
    """Plain values of the metadata; nested ones belong to the system the package came from."""
    document = _document(files, META_FILE, META_LIMITS)
    if document is None:
        return {}
    if not isinstance(document.value, dict):
        raise ContentRefused.one(META_FILE, "document", "the metadata is a map", 1)
    plain = {key: value for key, value in document.value.items() if isinstance(value, str | int | float | bool)}
    return {key[:100]: str(value)[:META_TEXT] for key, value in list(plain.items())[:META_FIELDS]}


def _rubric_faults(rubric: Rubric, document: Document, topology: Topology) -> list[ContentError]:
    """Checks that could never be answered: of devices that do not exist or have neither configuration nor console."""
    faults: list[ContentError] = []
    for section_index, section in enumerate(rubric.sections):
        for check_index, check in enumerate(section.checks):
            path = ("sections", section_index, "checks", check_index, "device")
            node = topology.node(check.device)
            message = ""
            if node is None:
                message = f"there is no node {check.device!r} in the topology"
            elif not node.definition.counts:
                message = f"{check.device!r} is a {node.node_definition}, which leaves no evidence"
            if message:
                line = document.line_of(path)
                faults.append(ContentError(file=RUBRIC_FILE, line=line, field=format_path(path), message=message))
    return faults
