"""The simulated license server of the whole world: who holds which registration.

A registration belongs to a controller's UDI. A controller that is deleted while registered leaves its registration
behind: it stays counted and is marked as leaked, as it does at the vendor's.
"""

from dataclasses import asdict, dataclass, field

from pydantic import BaseModel, ConfigDict, Field


class LicenseServerSettings(BaseModel):
    """How the license server behaves. Durations are simulated seconds."""

    model_config = ConfigDict(extra="forbid")

    available: bool = Field(default=True, description="whether controllers can reach the server")
    delay_seconds: float = Field(default=3.0, ge=0, description="time until a registration is answered")
    valid_tokens: list[str] | None = Field(
        default=None, description="accepted tokens; null accepts every token that does not begin with 'invalid'"
    )
    node_quota: int | None = Field(default=None, ge=0, description="expansion nodes that may be in use in total")
    validity_days: int = Field(default=365, ge=0, description="lifetime of a registration")


@dataclass(slots=True)
class Registration:
    """One consumed registration."""

    udi: str
    instance_id: str
    product: str
    registered_at: str
    features: dict[str, int] = field(default_factory=dict)
    leaked: bool = False


class LicenseServer:
    """Keeps the registrations; `settings` may be changed while it runs."""

    def __init__(self, time_scale: float = 1.0) -> None:
        self._time_scale = time_scale
        self.settings = LicenseServerSettings()
        self.registrations: dict[str, Registration] = {}

    @property
    def delay_seconds(self) -> float:
        """Simulated seconds until a registration is answered, at the world's time scale."""
        return self.settings.delay_seconds * self._time_scale

    def accepts(self, token: str) -> bool:
        """Whether a token is worth anything."""
        if self.settings.valid_tokens is None:
            return not token.lower().startswith("invalid")
        return token in self.settings.valid_tokens

    def register(self, registration: Registration) -> None:
        """Count a controller in."""
        self.registrations[registration.udi] = registration

    def release(self, udi: str) -> None:
        """Count a controller out."""
        self.registrations.pop(udi, None)

    def leak(self, udi: str) -> None:
        """The controller is gone for good; what it held stays counted."""
        if udi in self.registrations:
            self.registrations[udi].leaked = True

    def expansion_in_use(self, besides: str) -> int:
        """Expansion nodes held by everyone else."""
        return sum(sum(item.features.values()) for udi, item in self.registrations.items() if udi != besides)

    def as_json(self) -> dict[str, object]:
        """The body of `GET /admin/licenses`."""
        entries = [asdict(item) for item in self.registrations.values()]
        return {
            "registrations": entries,
            "leaked": sum(item.leaked for item in self.registrations.values()),
            "settings": self.settings.model_dump(),
        }
