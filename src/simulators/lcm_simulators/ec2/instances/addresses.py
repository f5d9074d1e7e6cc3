"""Loopback addresses for instances."""

from collections.abc import Collection

_HOSTS = 65_000


class AddressPool:
    """The addresses of a loopback /16 such as 127.20; each new one follows the last, so none is reused soon."""

    def __init__(self, network: str) -> None:
        self._network = network
        self._last = 0

    def take(self, used: Collection[str]) -> str | None:
        """A free address, or None when all are used."""
        for _ in range(_HOSTS):
            self._last = self._last % _HOSTS + 1
            third, fourth = divmod(self._last, 250)
            address = f"{self._network}.{third}.{fourth + 1}"
            if address not in used:
                return address
        return None

    def resume_after(self, addresses: Collection[str]) -> None:
        """Go on behind the highest of the addresses that are known."""
        for address in addresses:
            parts = address.split(".")
            if address.startswith(f"{self._network}."):
                self._last = max(self._last, int(parts[2]) * 250 + int(parts[3]) - 1)
