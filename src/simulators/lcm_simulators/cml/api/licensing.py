"""The licensing operations."""

from __future__ import annotations

from pydantic import Field, TypeAdapter

from lcm_simulators.cml.api.lookup import Body
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.license_view import license_view, tech_support_text
from lcm_simulators.cml.routing import NO_CONTENT, Answer, ApiError, Call

_TEXT: TypeAdapter[str] = TypeAdapter(str)
_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


class Registration(Body):
    """A request to register."""

    token: str = Field(min_length=1, max_length=256)
    reregister: bool = False


class Proxy(Body):
    """The proxy on the way to the license server."""

    server: str | None = None
    port: int | None = None


class Transport(Body):
    """Where the license server is."""

    ssms: str | None = None
    proxy: Proxy = Proxy()


class Feature(Body):
    """A wanted count of one feature."""

    id: str
    count: int = Field(ge=0)


_FEATURES: TypeAdapter[list[Feature] | dict[str, int]] = TypeAdapter(list[Feature] | dict[str, int])


@route("GET", "/licensing", early=True)
def licensing(call: Call) -> object:
    """The whole status."""
    return license_view(call.controller)


@route("GET", "/licensing/tech_support")
def tech_support(call: Call) -> object:
    """A text for the vendor's support."""
    call.require_admin()
    return Answer(text=tech_support_text(call.controller), media_type="text/plain")


@route("PUT", "/licensing/product_license")
def set_product_license(call: Call) -> object:
    """Activate a product; the body is a JSON string."""
    call.require_admin()
    call.controller.licensing.set_product(call.read_as(_TEXT))
    return NO_CONTENT


@route("PUT", "/licensing/transport")
def set_transport(call: Call) -> object:
    """Change the way to the license server."""
    call.require_admin()
    body = call.read(Transport)
    call.controller.licensing.set_transport(body.ssms, body.proxy.server, body.proxy.port)
    return NO_CONTENT


@route("POST", "/licensing/registration")
def register(call: Call) -> object:
    """Ask for a registration; the outcome shows later."""
    call.require_admin()
    body = call.read(Registration)
    call.controller.licensing.register(body.token, body.reregister)
    return NO_CONTENT


@route("PUT", "/licensing/registration/renew")
def renew_registration(call: Call) -> object:
    """Renew the registration."""
    call.require_admin()
    call.controller.licensing.renew()
    return NO_CONTENT


@route("PUT", "/licensing/authorization/renew")
def renew_authorization(call: Call) -> object:
    """Renew the authorization."""
    call.require_admin()
    call.controller.licensing.renew()
    return NO_CONTENT


@route("PATCH", "/licensing/features")
def set_features(call: Call) -> object:
    """Change the counts of features; a list of one or two, or the older map."""
    call.require_admin()
    body = call.read_as(_FEATURES)
    counts = body if isinstance(body, dict) else {feature.id: feature.count for feature in body}
    if not 1 <= len(counts) <= 2:
        raise ApiError(400, "Licensing issue: One or two features must be given.")
    call.controller.licensing.set_features(counts)
    return NO_CONTENT


@route("DELETE", "/licensing/deregistration")
def deregister(call: Call) -> object:
    """Give the registration back; 202 when the license server was not reached."""
    call.require_admin()
    return NO_CONTENT if call.controller.licensing.deregister() else Answer(status=202, body=None)


@route("PUT", "/licensing/reservation/mode")
def reservation_mode(call: Call) -> object:
    """Enter or leave reservation mode."""
    call.require_admin()
    call.controller.reservation.set_mode(call.read_as(_FLAG))
    return NO_CONTENT


@route("POST", "/licensing/reservation/request")
def reservation_request(call: Call) -> object:
    """A request code."""
    call.require_admin()
    return call.controller.reservation.request()


@route("POST", "/licensing/reservation/complete")
def reservation_complete(call: Call) -> object:
    """Enter an authorization code."""
    call.require_admin()
    return call.controller.reservation.complete(call.read_as(_TEXT))


@route("DELETE", "/licensing/reservation/cancel")
def reservation_cancel(call: Call) -> object:
    """Forget the request."""
    call.require_admin()
    call.controller.reservation.cancel()
    return NO_CONTENT


@route("DELETE", "/licensing/reservation/release")
def reservation_release(call: Call) -> object:
    """Return a reservation."""
    call.require_admin()
    return call.controller.reservation.release()


@route("POST", "/licensing/reservation/discard")
def reservation_discard(call: Call) -> object:
    """Throw an authorization code away."""
    call.require_admin()
    return call.controller.reservation.discard(call.read_as(_TEXT))


@route("GET", "/licensing/reservation/confirmation_code")
def confirmation_code(call: Call) -> object:
    """The confirmation code, or null."""
    return call.controller.licensing.state.confirmation_code


@route("DELETE", "/licensing/reservation/confirmation_code")
def remove_confirmation_code(call: Call) -> object:
    """Forget the confirmation code."""
    call.require_admin()
    if call.controller.licensing.state.confirmation_code is None:
        raise ApiError(400, "Licensing issue: There is no confirmation code.")
    call.controller.licensing.state.confirmation_code = None
    call.controller.changed()
    return NO_CONTENT


@route("GET", "/licensing/reservation/return_code")
def return_code(call: Call) -> object:
    """The return code, or null."""
    return call.controller.licensing.state.return_code


@route("DELETE", "/licensing/reservation/return_code")
def remove_return_code(call: Call) -> object:
    """Forget the return code."""
    call.require_admin()
    if call.controller.licensing.state.return_code is None:
        raise ApiError(400, "Licensing issue: There is no return code.")
    call.controller.licensing.state.return_code = None
    call.controller.changed()
    return NO_CONTENT
