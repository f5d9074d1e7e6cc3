"""Bodies of the CML system API, as far as they are read here; unknown fields are left alone."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, Field, ValidationError

from lcm_core.spi.cml_system import CmlUnavailable, License, Registration, SystemStats

_EXPANSION_FEATURE = "CML_NODE_COUNT"
_QUOTED = re.compile(r"\S*['\"]\S*")
_REGISTRATIONS = frozenset(each.value for each in Registration)
_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")


class Information(BaseModel):
    """``GET /system_information``."""

    version: str
    ready: bool = False


class _Cpu(BaseModel):
    count: int = 0
    percent: float = 0.0


class _Amount(BaseModel):
    used: int = 0
    total: int = 0


class _Domains(BaseModel):
    running_nodes: int = 0


class _ComputeStats(BaseModel):
    dominfo: _Domains = Field(default_factory=_Domains)


class _Compute(BaseModel):
    stats: _ComputeStats = Field(default_factory=_ComputeStats)


class _All(BaseModel):
    cpu: _Cpu = Field(default_factory=_Cpu)
    memory: _Amount = Field(default_factory=_Amount)
    disk: _Amount = Field(default_factory=_Amount)


class Stats(BaseModel):
    """``GET /system_stats`` and the ``data`` of a pushed ``system_stats`` frame."""

    computes: dict[str, _Compute] = Field(default_factory=dict)
    all: _All

    def facts(self) -> SystemStats:
        """In the platform's words."""
        return SystemStats(
            cores=self.all.cpu.count,
            cpu_percent=self.all.cpu.percent,
            memory_total=self.all.memory.total,
            memory_used=self.all.memory.used,
            disk_total=self.all.disk.total,
            disk_used=self.all.disk.used,
            running_nodes=sum(compute.stats.dominfo.running_nodes for compute in self.computes.values()),
        )


class Frame(BaseModel):
    """One message of the event stream."""

    event_type: str = ""
    data: Stats | None = None

    @classmethod
    def stats_of(cls, message: str | bytes) -> SystemStats | None:
        """Statistics in a message; None for every other kind."""
        if (b"system_stats" if isinstance(message, bytes) else "system_stats") not in message:  # type: ignore[operator]
            return None
        try:
            frame = cls.model_validate_json(message)
        except ValidationError:
            return None
        return frame.data.facts() if frame.data and frame.event_type.lower() == "system_stats" else None


class _Moment(BaseModel):
    failure: str | None = None


class _Registration(BaseModel):
    status: str = ""
    expires: str | None = None
    register_time: _Moment | None = None


class _Authorization(BaseModel):
    status: str = ""


class _Feature(BaseModel):
    id: str = ""
    name: str = ""
    in_use: int = 0
    max: int = 0


class _Product(BaseModel):
    active: str = ""


class Licensing(BaseModel):
    """``GET /licensing``."""

    registration: _Registration = Field(default_factory=_Registration)
    authorization: _Authorization = Field(default_factory=_Authorization)
    features: list[_Feature] = Field(default_factory=list)
    product_license: _Product = Field(default_factory=_Product)

    def facts(self) -> License:
        """In the platform's words; what stands in quotes in a failure is hidden, because CML quotes the token."""
        status = self.registration.status
        failure = (self.registration.register_time.failure or "") if self.registration.register_time else ""
        expansion = next((each for each in self.features if _EXPANSION_FEATURE in each.id), None)
        return License(
            registration=Registration(status) if status in _REGISTRATIONS else Registration.OTHER,
            authorization=self.authorization.status,
            product=self.product_license.active,
            expires=_time(self.registration.expires),
            failure="" if failure == "OK" else without_token(failure),
            features=tuple(each.name or each.id for each in self.features),
            expansion_nodes=expansion.in_use if expansion else None,
            expansion_maximum=expansion.max if expansion else 0,
        )

    def expansion_feature(self) -> str:
        """Id of the feature that adds nodes; empty when the product has none."""
        return next((each.id for each in self.features if _EXPANSION_FEATURE in each.id), "")


class NodeDefinition(BaseModel):
    """One entry of ``GET /simplified_node_definitions``."""

    id: str


def without_token(text: str) -> str:
    """The text with every word that touches a quotation mark hidden: CML quotes the token it refuses.

    It writes ``The token 'abc' is not valid`` and also ``abc' is not valid``; a token holds no blank.
    """
    return _QUOTED.sub("***", text)


def _time(text: str | None) -> datetime | None:
    """CML writes licensing times without a zone; they are UTC."""
    for pattern in _TIME_FORMATS if text else ():
        try:
            return (
                datetime.strptime(str(text), pattern).astimezone(UTC)
                if "%z" in pattern
                else (datetime.strptime(str(text), pattern).replace(tzinfo=UTC))
            )
        except ValueError:
            continue
    return None


def description_of(body: Mapping[str, object] | None) -> str:
    """The sentence in an error body."""
    return without_token(str((body or {}).get("description", "")))[:300]


def broken(call: str) -> CmlUnavailable:
    """A body that does not fit."""
    return CmlUnavailable(f"CML answered {call} with a body that does not fit")
