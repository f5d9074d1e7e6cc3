"""The device authorization grant (RFC 8628): a terminal waits while a person signs in elsewhere."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from lcm_simulators.identity.realm import Realm

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Of user codes: no vowels, so no words."""


class DeviceState(StrEnum):
    """How far a device is."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(slots=True)
class DeviceCode:
    """One waiting device; times are seconds since the epoch."""

    client_id: str
    user_code: str
    scopes: tuple[str, ...]
    expires_at: float
    challenge: str = ""
    challenge_method: str = ""
    state: DeviceState = DeviceState.PENDING
    session_id: str = ""
    chain: str = ""
    asked_at: float = 0.0


class DeviceCodes:
    """Waiting devices by their code."""

    def __init__(self, realm: Realm) -> None:
        self.lifespan = realm.oauth2_device_code_lifespan
        self.interval = realm.oauth2_device_polling_interval
        self._devices: dict[str, DeviceCode] = {}

    def hand_out(self, device: DeviceCode, now: float) -> str:
        """The device code of a new waiting device."""
        for code in [code for code, old in self._devices.items() if old.expires_at <= now]:
            del self._devices[code]
        code = secrets.token_urlsafe(32)
        self._devices[code] = device
        return code

    def find(self, code: str) -> DeviceCode | None:
        """The device, also when its time is over."""
        return self._devices.get(code)

    def with_user_code(self, user_code: str, now: float) -> str | None:
        """The device code that belongs to what a person typed, while somebody waits for it."""
        typed = "".join(letter for letter in user_code.upper() if letter.isalpha())
        for code, device in self._devices.items():
            if device.user_code.replace("-", "") == typed and device.expires_at > now:
                return code if device.state is DeviceState.PENDING else None
        return None

    def close(self, code: str) -> None:
        """The device has its tokens, or learned that it gets none."""
        self._devices.pop(code, None)


def new_user_code() -> str:
    """Eight letters in two halves."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
