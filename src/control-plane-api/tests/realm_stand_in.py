"""A realm just large enough for tests: keys over HTTP, tokens on demand, and the password grant."""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

REALM = "lablet-cloud-manager"
AUDIENCE = "lcm-api"
PASSWORD = "test"


@dataclass(frozen=True)
class Person:
    """Somebody the realm knows."""

    username: str
    roles: tuple[str, ...]
    department: str = ""


PEOPLE = {
    person.username: person
    for person in (
        Person("admin", ("admin",), "platform"),
        Person("manager", ("manager",), "networking"),
        Person("manager2", ("manager",), "security"),
        Person("user", ("user",), "networking"),
        Person("user2", ("user",), "security"),
        Person("author", ("lab-author",), "content"),
        Person("nobody", ()),
    )
}
SERVICES = ("resource-scheduler", "worker-controller", "lablet-controller")


class RealmStandIn:
    """Serves the realm's keys on a loopback port until it is stopped."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, parameters={"kid": "test-key"}, private=True)
        realm = self
        certs = json.dumps(KeySet([self._key]).as_dict(private=False)).encode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            documents: ClassVar[dict[str, bytes]] = {f"/realms/{REALM}/protocol/openid-connect/certs": certs}

            def do_GET(self) -> None:
                found = self.documents.get(self.path)
                self._answer(200 if found else 404, found or b"{}")

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                username = form.get("username", [""])[0]
                if form.get("password", [""])[0] != PASSWORD or username not in PEOPLE:
                    self._answer(401, b'{"error": "invalid_grant"}')
                    return
                self._answer(200, json.dumps({"access_token": realm.token(username)}).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="realm", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL, as in ``KEYCLOAK_URL``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, name: str, *, seconds: int = 600, audience: str = AUDIENCE) -> str:
        """An access token of a person or of a controller's service account."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": f"{self.url}/realms/{REALM}",
            "aud": audience,
            "iat": now,
            "exp": now + seconds,
            "sub": f"id-of-{name}",
        }
        if name in SERVICES:
            claims |= {"azp": f"lcm-{name}", "preferred_username": f"service-account-lcm-{name}"}
            claims["realm_access"] = {"roles": [name]}
        else:
            person = PEOPLE[name]
            claims |= {"azp": "portal-web-app", "preferred_username": name, "department": person.department}
            claims["realm_access"] = {"roles": list(person.roles)}
        return jwt.encode({"alg": "RS256", "kid": "test-key"}, claims, self._key, algorithms=["RS256"])
