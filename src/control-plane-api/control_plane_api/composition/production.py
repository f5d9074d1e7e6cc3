"""What production mode refuses to start with (P-51, ruling 20)."""

from urllib.parse import urlsplit

from control_plane_api.infrastructure.sessions.origins import is_loopback
from control_plane_api.settings import SecretSettings, Settings, SignInSettings

SHORTEST_SECRET = 16


def insecure(settings: Settings) -> list[str]:
    """One sentence per setting that is not fit for production; empty when all are, or in development."""
    if not settings.app.production:
        return []
    faults = []
    if settings.app.debug:
        faults.append("DEBUG must be false.")
    secrets = {
        "JWT_SECRET_KEY": (settings.sign_in.jwt_secret, SignInSettings.model_fields["jwt_secret"].default),
        "KEYCLOAK_CLIENT_SECRET": (
            settings.sign_in.client_secret,
            SignInSettings.model_fields["client_secret"].default,
        ),
        "LCM_ENVELOPE_KEY": (settings.secrets.envelope_key, SecretSettings.model_fields["envelope_key"].default),
    }
    for name, (secret, default) in secrets.items():
        if secret == default or len(secret.get_secret_value()) < SHORTEST_SECRET:
            faults.append(f"{name} must be a random secret of its own, not the default or a short one.")
    address = urlsplit(settings.sign_in.public_url)
    if not settings.sign_in.public_url:
        faults.append("LCM_PUBLIC_URL must be the https address of the console.")
    elif address.scheme != "https" and not is_loopback(address.hostname or ""):
        faults.append("LCM_PUBLIC_URL must be https: session cookies do not travel over plain HTTP.")
    return faults
