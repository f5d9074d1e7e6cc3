"""Who is calling, as established at the edge."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. ``service`` names the controller for service accounts and is empty for people.

    ``issued_at`` is when a token of our own was issued, in seconds since 1970.
    """

    user_id: str
    username: str
    roles: frozenset[str] = field(default_factory=frozenset)
    department: str = ""
    name: str = ""
    client_id: str = ""
    service: str = ""
    session_id: str = ""
    issued_at: int = 0

    @property
    def actor(self) -> str:
        """Name for the audit trail."""
        return self.service or self.username
