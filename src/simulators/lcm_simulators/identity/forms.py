"""What a browser reads from a provider's page, the embedded one's or Keycloak's: where its form leads."""

import re
from html import unescape


class NoFormError(ValueError):
    """The page has no form; the message holds the end of what it shows."""


def action_of(page: str) -> str:
    """The address to which the page's form is sent. Raises ``NoFormError``."""
    found = re.search(r'<form[^>]*\baction="([^"]*)"', page)
    if found is None:
        raise NoFormError(f"the provider shows no form: {page[-500:]}")
    return unescape(found.group(1))


def credentials(username: str, password: str) -> dict[str, str]:
    """The fields of a sign-in form."""
    return {"username": username, "password": password, "credentialId": ""}
