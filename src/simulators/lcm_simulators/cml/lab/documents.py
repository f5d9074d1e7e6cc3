"""Topology documents of all schema versions, normalized to one model.

Old forms that are accepted: a single configuration string, interfaces in a list at the top with `node`, fields below
`data` (schemas up to 0.0.4), links that name `interface_a`/`node_a` instead of `i1`/`n1`.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lcm_simulators.cml.lab.schema import KNOWN
from lcm_simulators.cml.model import ConfigFile
from lcm_simulators.cml.routing import ApiError

MAX_BYTES = 16 * 1024 * 1024
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Part(BaseModel):
    """Unknown keys of newer or older schemas are skipped."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _lift_data(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("data"), dict):
            return {**value["data"], **{key: item for key, item in value.items() if key != "data"}}
        return value


class InterfaceDocument(_Part):
    """An interface; `node` only in the old form."""

    id: str
    label: str
    slot: int | None = None
    type: str = "physical"
    mac_address: str | None = None
    node: str | None = None


class NodeDocument(_Part):
    """A node with its interfaces."""

    id: str
    label: str = Field(min_length=1, max_length=128)
    node_definition: str = Field(min_length=1, max_length=250)
    image_definition: str | None = None
    x: float = 0
    y: float = 0
    ram: int | None = None
    cpus: int | None = None
    cpu_limit: int | None = None
    data_volume: int | None = None
    boot_disk_size: int | None = None
    hide_links: bool = False
    tags: list[str] = Field(default_factory=list)
    parameters: dict[str, str | None] = Field(default_factory=dict)
    configuration: str | list[ConfigFile] | None = None
    priority: int | None = None
    pyats: dict[str, str | None] | None = None
    interfaces: list[InterfaceDocument] = Field(default_factory=list)

    @field_validator("tags", "interfaces", mode="before")
    @classmethod
    def _empty_list(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("parameters", mode="before")
    @classmethod
    def _empty_map(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("configuration", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class LinkDocument(_Part):
    """A link; ends by local ids."""

    id: str = ""
    i1: str
    i2: str
    n1: str
    n2: str
    label: str | None = None
    conditioning: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        old = {"interface_a": "i1", "interface_b": "i2", "node_a": "n1", "node_b": "n2"}
        return {old.get(key, key): item for key, item in value.items()}


class LabDocument(_Part):
    """What is said about the lab itself."""

    title: str | None = None
    description: str | None = None
    notes: str | None = None
    version: str
    autostart: dict[str, Any] | None = None
    node_staging: dict[str, Any] | None = None

    @field_validator("version")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in KNOWN:
            raise ValueError(f"unknown topology version {value}")
        return value


class TopologyDocument(BaseModel):
    """A whole topology."""

    model_config = ConfigDict(extra="ignore")

    lab: LabDocument
    nodes: list[NodeDocument] = Field(default_factory=list)
    links: list[LinkDocument] = Field(default_factory=list)
    interfaces: list[InterfaceDocument] = Field(default_factory=list)
    annotations: list[dict[str, Any]] = Field(default_factory=list)
    smart_annotations: list[dict[str, Any]] = Field(default_factory=list)

    @field_validator("nodes", "links", "interfaces", "annotations", "smart_annotations", mode="before")
    @classmethod
    def _empty_list(cls, value: Any) -> Any:
        return [] if value is None else value

    @model_validator(mode="before")
    @classmethod
    def _oldest_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and "lab" not in value and "lab_title" in value:
            about = {"title": value.get("lab_title"), "description": value.get("lab_description", ""),
                     "notes": value.get("lab_notes", ""), "version": "0.0.4"}  # fmt: skip
            return {**value, "lab": about}
        return value

    @model_validator(mode="after")
    def _nest_interfaces(self) -> TopologyDocument:
        by_id = {node.id: node for node in self.nodes}
        for interface in self.interfaces:
            if interface.node in by_id:
                by_id[interface.node].interfaces.append(interface)
        self.interfaces = []
        return self


def read_topology(text: bytes) -> TopologyDocument:
    """A topology from YAML or JSON text. Raises `ApiError` 400 with the reason."""
    if len(text) > MAX_BYTES:
        raise ApiError(413, "The topology is too large.")
    try:
        is_json = text.lstrip().startswith(b"{")
        raw = json.loads(text) if is_json else yaml.load(text, Loader=_Loader)  # noqa: S506  # nosec B506 - CSafe
    except (yaml.YAMLError, ValueError) as error:
        raise ApiError(400, f"Bad topology: not valid YAML or JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ApiError(400, "Bad topology: the document is not a mapping.")
    try:
        return TopologyDocument.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ApiError(400, f"Bad topology: {where}: {first['msg']}") from error
