"""Licensing of one controller: product, registration, authorization, features, reservation.

Facts (status words, answers, delayed outcome of a registration) are those of the CML licensing API; limits by product
are the published node counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import NAMESPACE_DNS, uuid5

from lcm_simulators.cml.license_server import LicenseServer, Registration
from lcm_simulators.cml.routing import ApiError
from lcm_simulators.cml.timers import Timer

BASE_FEATURE = "regid.2019-10.com.cisco.CML_ENT_BASE,1.0_15d3393c-846c-4e00-a54e-1ea90f2b2160"
NODE_FEATURE = "regid.2019-10.com.cisco.CML_NODE_COUNT,1.0_2607650b-6ca8-46d5-81e5-e6688b7383c4"
DEFAULT_SSMS = "https://smartreceiver.cisco.com/licservice/license"
TOKEN = re.compile(r"[a-zA-Z\d+/%=-]{1,256}")
NODE_LIMITS = {
    "CML_Free": 5,
    "CML_Personal": 20,
    "CML_Personal40": 40,
    "CML_Enterprise": 20,
    "CML_Education": 20,
    "CML_Internal": 20,
    "CML_NotForResale": 20,
}
EXPANDABLE = frozenset({"CML_Enterprise", "CML_Education", "CML_Internal", "CML_NotForResale"})
MAX_EXPANSION = 500


@dataclass(slots=True)
class LicenseState:
    """What is stored about a controller's license."""

    product: str = "CML_Enterprise"
    registration: str = "NOT_REGISTERED"
    authorization: str = "EVAL"
    failure: str = ""
    attempted: str | None = None
    registered_at: str | None = None
    expires: str | None = None
    authorization_expires: str | None = None
    expansion: int = 0
    ssms: str | None = None
    proxy_server: str | None = None
    proxy_port: int | None = None
    reservation_mode: bool = False
    reservation_code: str | None = None
    confirmation_code: str | None = None
    return_code: str | None = None
    pending_token: str | None = field(default=None)


class LicenseHost(Protocol):
    """What licensing needs of its controller."""

    instance_id: str

    def stamp(self, days: float = 0) -> str:
        """Simulated time as licensing writes it, some days from now."""

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run something after simulated seconds."""

    def running_nodes(self) -> int:
        """Nodes that count against the license."""

    def changed(self) -> None:
        """The state must be written."""


class Licensing:
    """The licensing service of one controller."""

    def __init__(self, host: LicenseHost, server: LicenseServer, state: LicenseState, unlicensed_nodes: int) -> None:
        self._host = host
        self._server = server
        self.state = state
        self._unlicensed_nodes = unlicensed_nodes
        self.udi = "ec2" + str(uuid5(NAMESPACE_DNS, host.instance_id))[3:]
        if state.pending_token is not None:
            self._answer_later(state.pending_token)

    @property
    def valid(self) -> bool:
        """Whether the product may be used beyond evaluation."""
        registered = self.state.registration == "COMPLETED" and self.state.authorization == "IN_COMPLIANCE"
        return registered or self.state.product == "CML_Free"

    @property
    def node_limit(self) -> int:
        """How many simulated nodes may run."""
        if not self.valid:
            return min(self._unlicensed_nodes, NODE_LIMITS[self.state.product] + MAX_EXPANSION)
        extra = self.state.expansion if self.state.product in EXPANDABLE else 0
        return NODE_LIMITS[self.state.product] + extra

    def set_product(self, product: str) -> None:
        """Activate another product. Raises `ApiError` 400 for an unknown or the active one."""
        if product not in NODE_LIMITS:
            raise ApiError(400, f"Licensing issue: Unknown product license {product}.")
        if product == self.state.product:
            raise ApiError(400, f"Licensing issue: Product license {product} is already active.")
        if self.state.registration == "COMPLETED":
            raise ApiError(400, "Licensing issue: De-register before changing the product license.")
        self.state.product = product
        self.state.expansion = 0
        self._host.changed()

    def set_transport(self, ssms: str | None, server: str | None, port: int | None) -> None:
        """Where the license server is; a null URL restores the default."""
        if ssms is not None and not re.fullmatch(r"https?://[^\s/]+.*", ssms):
            raise ApiError(400, "Licensing issue: The transport URL is invalid.")
        if port is not None and not 1 <= port <= 65535:
            raise ApiError(400, "Licensing issue: The proxy port is invalid.")
        self.state.ssms, self.state.proxy_server, self.state.proxy_port = ssms, server, port
        self._host.changed()

    def register(self, token: str, reregister: bool) -> None:
        """Ask for a registration; the outcome shows later in the status."""
        if not TOKEN.fullmatch(token):
            raise ApiError(400, "Licensing issue: The registration token is malformed.")
        if self.state.reservation_mode:
            raise ApiError(400, "Licensing issue: Reservation mode is enabled.")
        if self.state.pending_token is not None:
            raise ApiError(409, "Licensing issue: Another licensing request is in progress.")
        if self.state.registration == "COMPLETED" and not reregister:
            raise ApiError(400, "Licensing issue: The product has already been registered.")
        self.state.registration, self.state.attempted = "IN_PROGRESS", self._host.stamp()
        self.state.failure = ""
        self.state.pending_token = token
        self._host.changed()
        self._answer_later(token)

    def _answer_later(self, token: str) -> None:
        self._host.later(self._server.delay_seconds, lambda: self._settle(token))

    def _settle(self, token: str) -> None:
        if self.state.pending_token != token:
            return
        if not self._server.settings.available:
            self.state.registration, self.state.authorization = "RETRY_IN_PROGRESS", "EVAL"
            self.state.failure = "Fail to send out Call Home HTTP message."
            self._host.later(60.0, lambda: self._settle(token))
        elif not self._server.accepts(token):
            self.state.pending_token = None
            self.state.registration, self.state.authorization = "FAILED", "EVAL"
            self.state.failure = f"The token '{token}' is not valid."
        else:
            self.state.pending_token = None
            self._complete()
        self._host.changed()

    def _complete(self) -> None:
        days = self._server.settings.validity_days
        self.state.registration, self.state.authorization = "COMPLETED", "IN_COMPLIANCE"
        self.state.registered_at = self._host.stamp()
        self.state.expires = self._host.stamp(days)
        self.state.authorization_expires = self._host.stamp(min(days, 90))
        self._report()

    def _report(self) -> None:
        features = {NODE_FEATURE: self.state.expansion} if self.state.product in EXPANDABLE else {}
        at = self.state.registered_at or self._host.stamp()
        self._server.register(Registration(self.udi, self._host.instance_id, self.state.product, at, features))
        quota = self._server.settings.node_quota
        # A controller that uses none of the expansion nodes owes nothing, whatever the others use.
        wanted = self._server.expansion_in_use(self.udi) + self.state.expansion if self.state.expansion else 0
        exceeded = quota is not None and wanted > quota
        self.state.authorization = "OUT_OF_COMPLIANCE" if exceeded else "IN_COMPLIANCE"

    def renew(self) -> None:
        """Renew registration and authorization."""
        if self.state.registration != "COMPLETED":
            raise ApiError(400, "Licensing issue: The product is not registered.")
        if not self._server.settings.available:
            raise ApiError(400, "Licensing issue: The license server cannot be reached.")
        self._complete()
        self._host.changed()

    def deregister(self) -> bool:
        """Give the registration back; False when only the controller knows (the server was out of reach)."""
        if self.state.registration == "NOT_REGISTERED":
            raise ApiError(400, "Licensing issue: The product has already been de-registered.")
        if self._host.running_nodes():
            raise ApiError(400, "Licensing issue: Cannot de-register when nodes are running.")
        reached = self._server.settings.available
        if reached:
            self._server.release(self.udi)
        self.state = LicenseState(
            product=self.state.product,
            ssms=self.state.ssms,
            proxy_server=self.state.proxy_server,
            proxy_port=self.state.proxy_port,
        )
        self._host.changed()
        return reached

    def set_features(self, counts: dict[str, int]) -> None:
        """Use more or fewer expansion nodes."""
        if self.state.product not in EXPANDABLE:
            raise ApiError(400, "Licensing issue: The product has no adjustable features.")
        for feature, count in counts.items():
            low, high = (0, MAX_EXPANSION) if feature == NODE_FEATURE else (0, 1)
            if feature not in {NODE_FEATURE, BASE_FEATURE}:
                raise ApiError(400, f"Licensing issue: Unknown feature {feature}.")
            if not low <= count <= high:
                raise ApiError(400, f"Licensing issue: The count of {feature} must be {low} to {high}.")
        wanted = counts.get(NODE_FEATURE, self.state.expansion)
        if wanted == self.state.expansion:
            raise ApiError(400, "Licensing issue: The feature counts are unchanged.")
        self.state.expansion = wanted
        if self.state.registration == "COMPLETED":
            self._report()
        self._host.changed()
