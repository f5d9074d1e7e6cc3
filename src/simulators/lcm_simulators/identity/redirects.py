"""Which addresses a client may send people to (RFC 8252 section 7.3 for loopback)."""

from urllib.parse import urlsplit

from lcm_simulators.identity.realm import Client

LOOPBACK = {"127.0.0.1", "[::1]"}
POST_LOGOUT = "post.logout.redirect.uris"


def allowed(client: Client, uri: str, console_url: str = "") -> bool:
    """Whether a code may be sent there; ``console_url`` is allowed as well, for clients that sign in by browser."""
    return _fits(client.redirect_uris, uri) or (_has_console(client, console_url) and _fits([f"{console_url}/*"], uri))


def allowed_after_logout(client: Client, uri: str, console_url: str = "") -> bool:
    """Whether a person may be sent there after a logout; ``+`` stands for the redirect addresses."""
    patterns = [part for part in client.attributes.get(POST_LOGOUT, "").split("##") if part]
    if "+" in patterns and allowed(client, uri, console_url):
        return True
    return _fits([pattern for pattern in patterns if pattern != "+"], uri)


def _has_console(client: Client, console_url: str) -> bool:
    return bool(console_url) and client.standard_flow_enabled and not client.public_client


def _fits(patterns: list[str], uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    if not parts.scheme or parts.fragment or ".." in parts.path.split("/") or parts.username is not None:
        return False
    candidates = {uri}
    if parts.scheme == "http" and port is not None and parts.netloc == f"{_host(parts.netloc)}:{port}":
        host = _host(parts.netloc)
        if host in LOOPBACK:
            candidates.add(uri.replace(f"{host}:{port}", host, 1))
    return any(_matches(pattern, candidate) for pattern in patterns for candidate in candidates)


def _host(netloc: str) -> str:
    return netloc.rpartition(":")[0]


def _matches(pattern: str, uri: str) -> bool:
    if not pattern.endswith("*"):
        return uri == pattern
    start = pattern[:-1]
    # `http://host/*` fits `http://host` and what follows the slash, and nothing that merely begins alike.
    return uri.split("?")[0].startswith(start) or uri.split("?")[0] == start.rstrip("/")
