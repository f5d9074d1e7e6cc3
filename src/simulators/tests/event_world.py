"""What the tests of the delivery system and the grading engine share: their processes, a receiver of events, S3."""

import asyncio
import hashlib
import hmac
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import httpx

from lcm_simulators.embedded import EmbeddedServer
from lcm_simulators.embedded.probes import http_body

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FoundT = TypeVar("FoundT")
WAIT_SECONDS = 20.0
SECRET = "secret of the events"
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


def wait_for(look: Callable[[], FoundT | None], what: str, seconds: float = WAIT_SECONDS) -> FoundT:
    """The first answer that is neither None nor False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


class Receiver:
    """The platform's side of events: checks signatures as the platform does, answers as the test wishes.

    ``answers`` are the next statuses of genuine events, 202 when there are none. ``genuine`` holds every event with a
    good signature in the order of arrival, ``accepted`` those that were answered 202 (each id once: one effect),
    ``forged`` counts the others. A closed receiver refuses connections; ``open`` listens again at the same port.
    ``drop_next`` has it take the next event and break the connection.
    """

    def __init__(self, secret: str = SECRET) -> None:
        self.answers: list[int] = []
        self.genuine: list[dict[str, Any]] = []
        self.accepted: dict[str, dict[str, Any]] = {}
        self.forged = 0
        self.drop_next = False
        self._secret = secret
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/events"

    @property
    def closed(self) -> bool:
        return self._server is None

    def open(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if receiver.drop_next:
                    receiver.drop_next = False
                    receiver.judge({k.lower(): v for k, v in self.headers.items()}, body)
                    self.connection.close()
                    return
                self.send_response(receiver.judge({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="receiver").start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def judge(self, headers: dict[str, str], body: bytes) -> int:
        stamp = headers.get("x-lcm-timestamp", "")
        good = hmac.new(self._secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if headers.get("x-lcm-signature") != f"v1={good}" or abs(time.time() - int(stamp)) > 300:
            self.forged += 1
            return 401
        assert headers["content-type"] == "application/cloudevents+json"
        event = json.loads(body)
        self.genuine.append(event)
        status = self.answers.pop(0) if self.answers else 202
        if status == 202:
            self.accepted[event["id"]] = event
        return status

    def of(self, subject: str) -> list[str]:
        """Types of the accepted events of a subject, in order."""
        return [event["type"] for event in list(self.accepted.values()) if event["subject"] == subject]

    def wait(self, subject: str, *types: str) -> list[dict[str, Any]]:
        """Wait until exactly these events of a subject were accepted, in this order."""
        try:
            wait_for(lambda: self.of(subject) == list(types), "events")
        except AssertionError:
            raise AssertionError(f"expected {types}, got {self.of(subject)}") from None
        return [event for event in list(self.accepted.values()) if event["subject"] == subject]


class Simulator(EmbeddedServer):
    """``python -m lcm_simulators.<name>`` and what a test asks of it; ``auth`` goes with every call."""

    def __init__(self, name: str, folder: Path, receiver: Receiver, aws: str, **environment: str) -> None:
        self.name = name
        self.receiver = receiver
        self.auth: httpx.Auth | None = None
        self.headers: dict[str, str] = {}
        # No connection outlives a call: the process at its other end may be killed.
        self._http = httpx.Client(timeout=20, limits=httpx.Limits(max_keepalive_connections=0))
        settings = {
            "LCM_SIM_DATA_DIR": str(folder / "data"),
            "LCM_EVENTS_URL": receiver.url,
            "LCM_CLOUDEVENTS_SECRET": SECRET,
            "LCM_EVENTS_RETRY_SECONDS": "0.05",
            "LCM_EVENTS_RETRY_LIMIT_SECONDS": "0.3",
            "LCM_AWS_ENDPOINT": aws,
            "LCM_SIM_BOOT_SCALE": "0",
            **AWS_KEYS,
            **environment,
        }
        super().__init__(folder / "data", environment=settings)

    def command(self) -> list[str]:
        self._environment[f"LCM_{self.name.upper()}_PORT"] = str(self.port)
        return [sys.executable, "-m", f"lcm_simulators.{self.name}"]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, "/health")
        return status == 200

    def begin(self) -> None:
        asyncio.run(self.start())

    def end(self) -> None:
        asyncio.run(self.stop(3.0))
        self._http.close()

    def set(self, **environment: str) -> None:
        """Settings of the next start."""
        self._environment.update(environment)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call with the simulator's credentials."""
        headers = {**self.headers, **options.pop("headers", {})}
        auth = options.pop("auth", self.auth)
        return self._http.request(method, f"{self.url}{path}", auth=auth, headers=headers, **options)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of a call that succeeds."""
        answer = self.call(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """A call of the admin API, which asks for no credentials."""
        answer = self._http.request(method, f"{self.url}/admin{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def simulator(name: str, folder: Path, aws: str, **environment: str) -> Iterator[Simulator]:
    """A running simulator with a receiver of its events."""
    receiver = Receiver()
    running = Simulator(name, folder, receiver, aws, **environment)
    running.begin()
    try:
        yield running
    finally:
        running.end()
        receiver.close()


def unique_id(prefix: str = "s") -> str:
    """An id that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def s3_of(endpoint: str) -> "S3Client":
    """A client of the test's S3."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class FlakyProxy:
    """Passes GET requests on; while ``failing`` the first ``failures`` of them are answered 503."""

    def __init__(self, target: str, failures: int) -> None:
        self.failing = False
        self.refused = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if proxy.failing and proxy.refused < failures:
                    proxy.refused += 1
                    status, content = 503, b""
                else:
                    answer = httpx.get(f"{target}{self.path}", headers=dict(self.headers.items()), timeout=10)
                    status, content = answer.status_code, answer.content
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def flaky_proxy(target: str, failures: int) -> Iterator[FlakyProxy]:
    """A proxy in front of another server."""
    proxy = FlakyProxy(target, failures)
    threading.Thread(target=proxy.server.serve_forever, args=(0.02,), daemon=True, name="proxy").start()
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()
