"""An OpenID Connect provider with the addresses and answers of Keycloak 26, fed by the same realm file.

Nouns: the *realm* holds users, roles and clients; a *user session* begins with a login and ends with a logout or by
time; a *client session* is the part of it that one client has, a *chain* the row of refresh tokens that began with one
login of that client; an *authorization code* is exchanged once for tokens. Signing keys, sessions and changed users
persist in the data folder. Time here is real time: what a verifier on the real clock must find valid cannot follow a
simulated one.
"""

from lcm_simulators.identity.app import create_app
from lcm_simulators.identity.settings import IdentityProviderSettings

__all__ = ["IdentityProviderSettings", "create_app"]
