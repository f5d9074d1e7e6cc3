"""License reservation: the offline way of licensing, with codes instead of a server."""

import hashlib

from lcm_simulators.cml.licensing import LicenseHost, Licensing
from lcm_simulators.cml.routing import ApiError


class Reservation:
    """The reservation dialog of one controller."""

    def __init__(self, host: LicenseHost, licensing: Licensing) -> None:
        self._host = host
        self._licensing = licensing

    def set_mode(self, enabled: bool) -> None:
        """Enter or leave reservation mode; asking for the present mode is an error."""
        state = self._licensing.state
        if state.reservation_mode == enabled:
            raise ApiError(400, f"Licensing issue: Reservation mode is already {'enabled' if enabled else 'disabled'}.")
        if enabled and state.registration == "COMPLETED":
            raise ApiError(400, "Licensing issue: De-register before enabling reservation mode.")
        state.reservation_mode = enabled
        state.expansion = 0
        state.registration = "RESERVATION_IN_PROGRESS" if enabled else "NOT_REGISTERED"
        state.authorization = "NOT_AUTHORIZED" if enabled else "EVAL"
        if not enabled:
            state.reservation_code = state.confirmation_code = None
        self._host.changed()

    def request(self) -> str:
        """Make a request code."""
        self._require_mode()
        state = self._licensing.state
        state.reservation_code = state.reservation_code or f"CB-ZCML:{self._digest('request')}"
        self._host.changed()
        return state.reservation_code

    def complete(self, authorization_code: str) -> str:
        """Enter the code of the vendor's portal; the answer is the confirmation code."""
        self._require_mode()
        state = self._licensing.state
        if state.reservation_code is None:
            raise ApiError(400, "Licensing issue: No reservation was requested.")
        if not authorization_code.strip():
            raise ApiError(400, "Licensing issue: The authorization code is empty.")
        state.confirmation_code = self._digest(authorization_code)[:8]
        state.registration, state.authorization = "COMPLETED", "IN_COMPLIANCE"
        self._host.changed()
        return state.confirmation_code

    def cancel(self) -> None:
        """Drop the request code."""
        self._require_mode()
        if self._licensing.state.reservation_code is None:
            raise ApiError(400, "Licensing issue: No reservation was requested.")
        self._licensing.state.reservation_code = None
        self._host.changed()

    def release(self) -> str:
        """Return a completed reservation; the answer is the return code."""
        self._require_mode()
        if self._licensing.state.registration != "COMPLETED":
            raise ApiError(400, "Licensing issue: No reservation is complete.")
        return self._give_back("return")

    def discard(self, authorization_code: str) -> str:
        """Throw an authorization code away unused; the answer is the return code."""
        self._require_mode()
        return self._give_back(authorization_code)

    def _give_back(self, salt: str) -> str:
        state = self._licensing.state
        state.reservation_code = state.confirmation_code = None
        state.registration, state.authorization = "RESERVATION_IN_PROGRESS", "NOT_AUTHORIZED"
        state.return_code = self._digest(salt)[:16]
        self._host.changed()
        return state.return_code

    def _require_mode(self) -> None:
        if not self._licensing.state.reservation_mode:
            raise ApiError(400, "Licensing issue: Reservation mode is not enabled.")

    def _digest(self, salt: str) -> str:
        return hashlib.sha256(f"{self._licensing.udi}{salt}".encode()).hexdigest()[:20].upper()
