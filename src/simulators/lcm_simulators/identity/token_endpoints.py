"""Endpoints for clients: tokens, keys, introspection, revocation, user information."""

from base64 import b64encode

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.identity import claims
from lcm_simulators.identity.clients import authenticate
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.discovery import openid_configuration
from lcm_simulators.identity.errors import BearerRefused, OAuthError
from lcm_simulators.identity.grants import GRANTS
from lcm_simulators.identity.http import NO_STORE, Realms, address, bearer, read_form
from lcm_simulators.identity.realm import Client, User
from lcm_simulators.identity.tokens import AccessToken

CACHED = {"Cache-Control": "no-cache"}


async def token(context: RealmContext, request: Request) -> Response:
    """The token endpoint."""
    form = await read_form(request)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise OAuthError("invalid_request", "Missing form parameter: grant_type")
    if grant_type not in GRANTS:
        raise OAuthError("unsupported_grant_type", "Unsupported grant_type")
    client = authenticate(context.realm, request.headers.get("authorization", ""), form)
    answer = GRANTS[grant_type](context, client, form, address(request))
    return JSONResponse(answer, headers=NO_STORE)


async def realm_information(context: RealmContext, request: Request) -> Response:
    """The realm's own address: its name and public key."""
    del request
    der = context.keys.signing.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return JSONResponse(
        {
            "realm": context.realm.realm,
            "public_key": b64encode(der).decode(),
            "token-service": context.endpoints,
            "account-service": f"{context.issuer}/account",
            "tokens-not-before": 0,
        }
    )


async def configuration(context: RealmContext, request: Request) -> Response:
    """The discovery document."""
    del request
    return JSONResponse(openid_configuration(context.issuer), headers=CACHED)


async def certs(context: RealmContext, request: Request) -> Response:
    """The public keys, newest first."""
    del request
    return JSONResponse(context.keys.public(), headers=CACHED)


def live_token(context: RealmContext, text: str) -> tuple[AccessToken, User, Client]:
    """An access token that is still good, its user and its client. Raises ``ValueError`` with Keycloak's reason."""
    now = context.now()
    try:
        read, _ = context.tokens.read_access(text, now)
    except ValueError as error:
        raise ValueError("Token verification failed") from error
    if read.jti in context.revoked:
        raise ValueError("Token verification failed")
    client, user = context.realm.client(read.azp), context.users.get(read.sub)
    if client is None or user is None or not user.enabled:
        raise ValueError("user_not_found")
    if read.sid:
        session = context.sessions.find(read.sid, now)
        if session is None or read.azp not in session.clients:
            raise ValueError("user_session_not_found")
    return read, user, client


async def userinfo(context: RealmContext, request: Request) -> Response:
    """Who a token speaks for (OpenID Connect Core section 5.3)."""
    try:
        read, user, client = live_token(context, bearer(request))
    except ValueError as error:
        raise BearerRefused("invalid_token", str(error)) from error
    if "openid" not in read.scope.split():
        raise BearerRefused("insufficient_scope", "Missing openid scope", 403)
    return JSONResponse(claims.userinfo(client, user), headers={"Cache-Control": "no-cache"})


async def introspect(context: RealmContext, request: Request) -> Response:
    """Whether a token is good (RFC 7662), for confidential clients that the token is meant for."""
    form = await read_form(request)
    client = authenticate(context.realm, request.headers.get("authorization", ""), form)
    if client.public_client:
        raise OAuthError("invalid_request", "Client not allowed.", 403)
    text = form.get("token", "")
    if not text:
        raise OAuthError("invalid_request", "Token not provided.")
    try:
        read, user, _ = live_token(context, text)
    except ValueError:
        return JSONResponse({"active": False})
    if client.client_id not in read.audience:
        return JSONResponse({"active": False})
    _, everything = context.tokens.read_access(text, context.now())
    known = {"client_id": read.azp, "username": user.username, "token_type": "Bearer", "active": True}
    return JSONResponse(everything | known)


async def revoke(context: RealmContext, request: Request) -> Response:
    """Revocation (RFC 7009): a refresh token takes the client's session with it, an access token only itself."""
    form = await read_form(request)
    client = authenticate(context.realm, request.headers.get("authorization", ""), form)
    text = form.get("token", "")
    if not text:
        raise OAuthError("invalid_request", "Token not provided")
    now = context.now()
    try:
        refresh = context.tokens.read_refresh(text)
    except ValueError:
        return _revoke_access(context, client, text)
    _same_client(client, refresh.azp)
    session = context.sessions.find(refresh.sid, now)
    if session is not None:
        context.sessions.detach(session, client.client_id)
        if not session.clients:
            context.sessions.end(session)
    return Response(status_code=200)


def _revoke_access(context: RealmContext, client: Client, text: str) -> Response:
    now = context.now()
    try:
        access, _ = context.tokens.read_access(text, now)
    except ValueError:
        # RFC 7009 wants 200 for an unknown token; Keycloak adds this body.
        return JSONResponse(OAuthError("invalid_token", "Invalid token").body())
    _same_client(client, access.azp)
    context.revoked.add(access.jti, access.exp, now)
    return Response(status_code=200)


def _same_client(client: Client, azp: str) -> None:
    if azp != client.client_id:
        raise OAuthError("invalid_request", "Unmatching clients")


def token_routes(realms: Realms) -> list[Route]:
    """The routes of this module."""
    base = "/realms/{realm}/protocol/openid-connect"
    return [
        Route("/realms/{realm}", realms(realm_information), methods=["GET"]),
        Route("/realms/{realm}/.well-known/openid-configuration", realms(configuration), methods=["GET"]),
        Route(f"{base}/certs", realms(certs), methods=["GET"]),
        Route(f"{base}/token", realms(token), methods=["POST"]),
        Route(f"{base}/userinfo", realms(userinfo), methods=["GET", "POST"]),
        Route(f"{base}/token/introspect", realms(introspect), methods=["POST"]),
        Route(f"{base}/revoke", realms(revoke), methods=["POST"]),
    ]
