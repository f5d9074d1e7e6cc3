"""Under which address a browser sees the console, and which cookie that allows (ruling 20)."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from control_plane_api.application.errors import ConflictError

SECURE_COOKIE = "__Host-lcm_session"
LOOPBACK_COOKIE = "lcm_session"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of the console as its browser names it."""

    url: str

    @property
    def secure(self) -> bool:
        """Whether cookies may be marked Secure."""
        return self.url.startswith("https://")

    @property
    def cookie(self) -> str:
        """Name of the session cookie."""
        return SECURE_COOKIE if self.secure else LOOPBACK_COOKIE


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin_of(connection: HTTPConnection, public_url: str) -> Origin:
    """The console's origin: the loopback address that was asked for, else the configured one.

    Raises ``ConflictError`` when neither allows a session cookie.
    """
    asked = connection.headers.get("host", "")
    if is_loopback(urlsplit(f"//{asked}").hostname or "") and not public_url.startswith("https://"):
        return Origin(f"http://{asked}")
    parts = urlsplit(public_url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return Origin(f"{parts.scheme}://{parts.netloc}")
    raise ConflictError(
        "NoPublicUrl",
        "Browsers sign in over https, or on this machine: set LCM_PUBLIC_URL to the https address of the console.",
    )
