"""Scopes of the realm: Keycloak's own, with its defaults."""

from lcm_simulators.identity.errors import OAuthError

DEFAULT = ("web-origins", "acr", "basic", "email", "profile", "roles")
"""What every client has without asking."""
SHOWN = ("openid", "email", "profile")
"""Scopes that tokens name; the others work unseen."""
OPTIONAL = ("address", "phone", "organization", "microprofile-jwt")
"""Accepted when asked for; they add nothing, since no user has such data."""


def granted(asked: str) -> tuple[str, ...]:
    """The scopes of a request, in the order in which tokens name them.

    Raises ``OAuthError`` for unknown ones, and for ``offline_access``: no role of the realm allows it.
    """
    names = asked.split()
    if "offline_access" in names:
        raise OAuthError("not_allowed", "Offline tokens not allowed for the user or client")
    if not set(names) <= {"openid", *DEFAULT, *OPTIONAL}:
        raise OAuthError("invalid_scope", f"Invalid scopes: {asked}")
    opened = ("openid",) if "openid" in names else ()
    return (*opened, *DEFAULT, *(name for name in OPTIONAL if name in names))


def shown(scopes: tuple[str, ...]) -> str:
    """The ``scope`` of a token or an answer."""
    return " ".join(name for name in (*SHOWN, *OPTIONAL) if name in scopes)
