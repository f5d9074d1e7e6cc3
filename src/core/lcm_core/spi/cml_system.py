"""The system side of a CML controller: readiness, statistics, licensing. Labs are another service's concern."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CmlTarget:
    """Where a CML is and how to sign in."""

    worker_id: str
    endpoint: str
    username: str
    password: str = field(repr=False)


class Layer(StrEnum):
    """What must work for a CML to be usable, lowest first."""

    TCP = "Tcp"
    TLS = "Tls"
    HTTP = "Http"
    READY = "CmlReady"
    SIGN_IN = "SignIn"


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a CML answers: ``failing`` is the lowest layer that does not work, None when all do."""

    failing: Layer | None
    message: str
    version: str = ""

    @property
    def reachable(self) -> bool:
        """Whether CML's API answers at all."""
        return self.failing in (None, Layer.READY, Layer.SIGN_IN)


@dataclass(frozen=True, slots=True)
class SystemStats:
    """Load and size of a CML host; memory and disk in bytes, percents 0–100."""

    cores: int
    cpu_percent: float
    memory_total: int
    memory_used: int
    disk_total: int
    disk_used: int
    running_nodes: int

    @property
    def memory_percent(self) -> float:
        """Memory in use."""
        return 100.0 * self.memory_used / self.memory_total if self.memory_total else 0.0

    @property
    def disk_percent(self) -> float:
        """Storage in use."""
        return 100.0 * self.disk_used / self.disk_total if self.disk_total else 0.0


class Registration(StrEnum):
    """Registration words of CML, with one for any it may add."""

    NOT_REGISTERED = "NOT_REGISTERED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    RETRY_IN_PROGRESS = "RETRY_IN_PROGRESS"
    RESERVATION_IN_PROGRESS = "RESERVATION_IN_PROGRESS"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class License:
    """The license status; ``expansion_nodes`` is None for products without expansion, ``failure`` names no token."""

    registration: Registration
    authorization: str
    product: str
    expires: datetime | None = None
    failure: str = ""
    features: Sequence[str] = ()
    expansion_nodes: int | None = None
    expansion_maximum: int = 0

    @property
    def in_compliance(self) -> bool:
        """Whether the registration is complete and the authorization holds."""
        return self.registration is Registration.COMPLETED and self.authorization == "IN_COMPLIANCE"


class CmlError(Exception):
    """A failed CML call; the message never holds a token or password."""


class CmlUnavailable(CmlError):
    """No usable answer; the call may or may not have had its effect."""


class CmlSignInRefused(CmlError):
    """User name or password is wrong."""


class CmlBusy(CmlError):
    """CML is doing something that excludes the call (409); it may be tried again."""


class CmlRefused(CmlError):
    """CML does not accept the call as it is (4xx)."""


class CmlSystem(Protocol):
    """The system API of CML controllers. Methods raise ``CmlError`` subclasses unless they say otherwise."""

    async def readiness(self, target: CmlTarget) -> Readiness:
        """How far the controller answers, without signing in. Never raises."""

    async def system_stats(self, target: CmlTarget) -> SystemStats:
        """Load and size."""

    async def node_definitions(self, target: CmlTarget) -> Sequence[str]:
        """Ids of the installed node definitions."""

    async def license(self, target: CmlTarget) -> License:
        """License status."""

    async def set_product(self, target: CmlTarget, product: str) -> None:
        """Activate a product license."""

    async def register(self, target: CmlTarget, token: str, *, reregister: bool) -> None:
        """Ask for a registration; the outcome shows later in ``license``."""

    async def set_expansion_nodes(self, target: CmlTarget, count: int) -> None:
        """Use so many nodes beyond the product's own."""

    async def renew(self, target: CmlTarget) -> None:
        """Renew the authorization."""

    async def deregister(self, target: CmlTarget) -> bool:
        """Give the registration back; False when the license server was not reached and only CML knows.

        Harmless when nothing is registered. Raises ``CmlRefused`` while nodes run.
        """

    def pushed_stats(self, target: CmlTarget) -> AsyncIterator[SystemStats]:
        """Statistics as CML pushes them over its WebSocket, until the connection ends.

        Raises ``CmlUnavailable`` when the stream cannot be opened or breaks.
        """

    async def forget(self, worker_id: str) -> None:
        """Close what is kept for a worker."""
