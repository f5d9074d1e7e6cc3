"""What tokens say of a user, computed from the realm alone."""

from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import JsonValue

from lcm_simulators.identity.realm import ATTRIBUTE_MAPPER, AUDIENCE_MAPPER, Client, MapperConfig, Realm, User
from lcm_simulators.identity.users import client_roles, realm_roles

Claims = dict[str, JsonValue]


def audience(realm: Realm, client: Client, user: User) -> JsonValue:
    """``aud`` of an access token: what the client's mappers name and every other client the user has roles of."""
    named = [mapper.config.audience for mapper in client.protocol_mappers if mapper.protocol_mapper == AUDIENCE_MAPPER]
    resolved = [name for name in client_roles(realm, user) if name != client.client_id]
    found: list[JsonValue] = list(dict.fromkeys([*filter(None, named), *resolved]))
    return found[0] if len(found) == 1 else found


def access(realm: Realm, client: Client, user: User) -> Claims:
    """Roles and profile for an access token."""
    claims: Claims = {}
    if (named := audience(realm, client, user)) != []:
        claims["aud"] = named
    if origins := allowed_origins(client):
        claims["allowed-origins"] = origins
    if roles := realm_roles(realm, user):
        claims["realm_access"] = {"roles": list(roles)}
    if by_client := client_roles(realm, user):
        claims["resource_access"] = {name: {"roles": list(names)} for name, names in by_client.items()}
    return claims | profile(user) | _mapped(client, user, lambda config: config.access_token)


def identity(client: Client, user: User) -> Claims:
    """Profile for an ID token."""
    return profile(user) | _mapped(client, user, lambda config: config.id_token)


def userinfo(client: Client, user: User) -> Claims:
    """The answer of the userinfo endpoint."""
    return {"sub": user.id} | profile(user) | _mapped(client, user, lambda config: config.userinfo)


def profile(user: User) -> Claims:
    """Claims of the scopes ``profile`` and ``email``; what is not known is left out."""
    known: Claims = {
        "name": user.full_name,
        "preferred_username": user.username,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "email": user.email,
    }
    return {"email_verified": user.email_verified} | {name: value for name, value in known.items() if value}


def allowed_origins(client: Client) -> list[JsonValue]:
    """Where browsers may call from; ``+`` stands for the origins of the redirect addresses."""
    origins: list[str] = []
    for origin in client.web_origins:
        if origin == "+":
            parts = [urlsplit(uri) for uri in client.redirect_uris]
            origins += [f"{part.scheme}://{part.netloc}" for part in parts if part.netloc]
        else:
            origins.append(origin)
    return list(dict.fromkeys(origins))


def _mapped(client: Client, user: User, wanted: Callable[[MapperConfig], bool]) -> Claims:
    claims: Claims = {}
    for mapper in client.protocol_mappers:
        values = user.attributes.get(mapper.config.attribute, [])
        if mapper.protocol_mapper == ATTRIBUTE_MAPPER and wanted(mapper.config) and values:
            claims[mapper.config.claim] = values[0]
    return claims
