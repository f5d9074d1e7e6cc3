"""What the provider says of itself (OpenID Connect Discovery, RFC 8414)."""

from pydantic import JsonValue

from lcm_simulators.identity.grants import GRANTS
from lcm_simulators.identity.scopes import DEFAULT, OPTIONAL

_AUTHENTICATION: list[JsonValue] = ["client_secret_basic", "client_secret_post"]


def openid_configuration(issuer: str) -> dict[str, JsonValue]:
    """The discovery document: only what the embedded provider really does."""
    endpoints = f"{issuer}/protocol/openid-connect"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{endpoints}/auth",
        "token_endpoint": f"{endpoints}/token",
        "introspection_endpoint": f"{endpoints}/token/introspect",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "end_session_endpoint": f"{endpoints}/logout",
        "jwks_uri": f"{endpoints}/certs",
        "revocation_endpoint": f"{endpoints}/revoke",
        "device_authorization_endpoint": f"{endpoints}/auth/device",
        "grant_types_supported": [*sorted(GRANTS)],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "prompt_values_supported": ["none", "login"],
        "subject_types_supported": ["public"],
        "acr_values_supported": ["0", "1"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": _AUTHENTICATION,
        "introspection_endpoint_auth_methods_supported": _AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": _AUTHENTICATION,
        "code_challenge_methods_supported": ["plain", "S256"],
        "scopes_supported": ["openid", *DEFAULT, *OPTIONAL],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "name", "given_name", "family_name",
            "preferred_username", "email", "acr", "azp", "nonce",
        ],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }  # fmt: skip
