"""From which address a request comes, when there are proxies in front."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import HTTPConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FORWARDED = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The networks whose hosts may say for whom they ask; everybody else speaks for their own address."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """From ``10.0.0.0/8,fd00::/8``. Raises ``ValueError`` for what is no network."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return cls(tuple(ipaddress.ip_network(part) for part in parts))

    def address_of(self, connection: HTTPConnection) -> str:
        """The caller's address; empty where the connection has none."""
        peer = connection.client.host if connection.client else ""
        named = [part.strip() for part in ",".join(connection.headers.getlist(FORWARDED)).split(",")]
        return self.nearest_stranger(peer, named)

    def nearest_stranger(self, peer: str, named: Sequence[str]) -> str:
        """The last address before the trusted proxies: what stands further left may be anybody's invention."""
        address = peer
        for earlier in reversed(named):
            if not self._trusts(address) or _parsed(earlier) is None:
                break
            address = earlier
        return address

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self.networks)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
