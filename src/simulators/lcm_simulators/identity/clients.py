"""Who the calling client is (RFC 6749 section 2.3)."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from lcm_simulators.identity.errors import OAuthError
from lcm_simulators.identity.realm import Client, Realm

REFUSED = "Invalid client or Invalid client credentials"


def authenticate(realm: Realm, authorization: str, form: Mapping[str, str]) -> Client:
    """The client that calls: by HTTP Basic or by fields of the form; a public one by its name alone.

    Raises ``OAuthError`` with status 401.
    """
    client_id, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
    client = realm.client(client_id) if client_id else None
    if client is None:
        raise OAuthError("invalid_client", REFUSED, 401)
    if not client.public_client and not hmac.compare_digest(client.secret.encode(), secret.encode()):
        raise OAuthError("unauthorized_client", REFUSED, 401)
    return client


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)
