"""An EC2 world to test: the process, a stand-in of the CML simulator's management API, and AWS clients."""

import asyncio
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from botocore.config import Config

from lcm_simulators.embedded import EmbeddedServer
from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.reservations import free_network

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_s3 import S3Client

WAIT_SECONDS = 15.0
FAST = 2_000.0
_KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_tokens = itertools.count(1)


@dataclass(frozen=True)
class CmlCall:
    """One call that the CML simulator's management API got."""

    method: str
    path: str
    body: dict[str, Any]


class FakeCml:
    """The management API of the CML simulator, over real HTTP, remembering what it was told."""

    def __init__(self) -> None:
        self.calls: list[CmlCall] = []
        self.controllers: dict[str, dict[str, Any]] = {}
        self.loads: dict[str, dict[str, float]] = {}
        self.failing = False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                status, answer = fake.answer(self.command, self.path, json.loads(raw) if raw else {})
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_PUT = do_POST = do_DELETE = _serve

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="fake-cml").start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, object]:
        if self.failing:
            return 503, {"detail": "down"}
        if method == "GET":
            return 200, [
                {"instance_id": name, **state, "load": self.loads.get(name, {})}
                for name, state in self.controllers.items()
            ]
        self.calls.append(CmlCall(method, path, body))
        instance_id = path.split("/")[3]
        if method == "PUT":
            self.controllers[instance_id] = {"powered": True, "config": body}
        elif instance_id not in self.controllers:
            return 404, {"detail": "unknown"}
        elif method == "DELETE":
            del self.controllers[instance_id]
        else:
            self.controllers[instance_id]["powered"] = False
        return 200, {}

    def told_about(self, instance_id: str) -> list[str]:
        """What was told about an instance: `PUT`, `POST off`, `DELETE`, in order."""
        tails = {f"/admin/controllers/{instance_id}": "", f"/admin/controllers/{instance_id}/off": " off"}
        return [f"{call.method}{tails[call.path]}" for call in list(self.calls) if call.path in tails]

    def powered(self, instance_id: str) -> bool:
        return bool(self.controllers.get(instance_id, {}).get("powered"))


class Ec2Process(EmbeddedServer):
    """`python -m lcm_simulators.ec2`, with what tests ask of it."""

    name = "ec2"

    def __init__(self, folder: Path, **environment: str) -> None:
        settings = {
            "LCM_SIM_DATA_DIR": str(folder / "data"),
            "LCM_EC2_NETWORK": free_network(),
            "LCM_EC2_THROTTLE": "false",
            "LCM_CML_PASSWORD": "fleet-secret",
            **environment,
        }
        super().__init__(folder / "data", environment=settings)

    def command(self) -> list[str]:
        self._environment["LCM_EC2_PORT"] = str(self.port)
        return [sys.executable, "-m", "lcm_simulators.ec2"]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, "/health")
        return status == 200


class Ec2World:
    """A running world."""

    def __init__(self, process: Ec2Process, cml: FakeCml) -> None:
        self.process = process
        self.cml = cml
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def url(self) -> str:
        return f"http://{self.process.address}"

    def start(self) -> None:
        asyncio.run(self.process.start())

    def stop(self) -> None:
        asyncio.run(self.process.stop(3.0))

    def ec2(self, region: str = "us-east-1") -> "EC2Client":
        """A client that does not retry, so that a test sees each answer."""
        return self._client("ec2", region)

    def cloudwatch(self, region: str = "us-east-1") -> "CloudWatchClient":
        return self._client("cloudwatch", region)

    def s3(self, region: str = "us-east-1") -> "S3Client":
        return self._client("s3", region)

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service, endpoint_url=self.url, region_name=region, config=_once(), **_KEYS
            )
        return self._clients[service, region]

    def admin(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx.request(method, f"{self.url}/admin{path}", json=body, timeout=5.0)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def behave(self) -> None:
        """No faults, plain conditions, real speed."""
        self.admin("DELETE", "/faults")
        self.admin("PUT", "/world", {"throttle": {"enabled": False}})
        self.admin("PUT", "/clock", {"factor": 1})
        self.cml.failing = False

    def faults(self, *faults: dict[str, Any]) -> None:
        self.admin("PUT", "/faults", list(faults))

    def conditions(self, **conditions: object) -> None:
        self.admin("PUT", "/world", {"throttle": {"enabled": False}, **conditions})

    def journal(self, operation: str, key: str) -> list[dict[str, Any]]:
        """Journal entries of an operation about a key, waited for: an entry is written after its answer was sent."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            entries = self.admin("GET", "/journal")["entries"]
            found[:] = [entry for entry in entries if (entry["operation"], entry["key"]) == (operation, key)]
            return bool(found)

        wait_until(arrived, f"{operation} of {key} in the journal")
        return found

    def image(self, name: str = "cml-2.9.1-lablet-10", region: str = "us-east-1") -> str:
        found = self.ec2(region).describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]
        return found[0]["ImageId"]

    def launch(self, region: str = "us-east-1", **changes: Any) -> str:
        """The id of a new instance."""
        return self.ec2(region).run_instances(**self.launch_parameters(region, **changes))["Instances"][0]["InstanceId"]

    def launch_parameters(self, region: str = "us-east-1", **changes: Any) -> Any:
        """Parameters of a launch with a client token of its own."""
        return {
            "ImageId": self.image(region=region),
            "InstanceType": "m5zn.metal",
            "MinCount": 1,
            "MaxCount": 1,
            "ClientToken": f"token-{next(_tokens)}",
            **changes,
        }

    def running(self, region: str = "us-east-1", **changes: Any) -> str:
        """The id of an instance that runs."""
        instance_id = self.launch(region, **changes)
        self.reach(instance_id, "running")
        return instance_id

    def instance(self, instance_id: str, region: str = "us-east-1") -> Any:
        answer = self.ec2(region).describe_instances(InstanceIds=[instance_id])
        return answer["Reservations"][0]["Instances"][0]

    def state(self, instance_id: str) -> str:
        return str(self.admin("GET", f"/instances/{instance_id}")["state"])

    def reach(self, instance_id: str, state: str) -> None:
        """Let time fly until an instance is in a state, then go on at real speed."""
        with self.fast():
            wait_until(lambda: self.state(instance_id) == state, f"{instance_id} to be {state}")

    @contextmanager
    def fast(self, factor: float = FAST) -> Iterator[None]:
        self.admin("PUT", "/clock", {"factor": factor})
        try:
            yield
        finally:
            self.admin("PUT", "/clock", {"factor": 1})

    def pass_time(self, seconds: float) -> None:
        """Let so many simulated seconds go by, and little more."""
        end = self.now() + seconds
        with self.fast(seconds * 4):
            wait_until(lambda: self.now() >= end, f"{seconds} s to pass")

    def now(self) -> float:
        return datetime.fromisoformat(self.admin("GET", "/clock")["now"]).timestamp()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for another process to come to a state."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def _once() -> Config:
    return Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20, max_pool_connections=10)


@contextmanager
def ec2_world(folder: Path, **environment: str) -> Iterator[Ec2World]:
    """A world of its own for a module or a test."""
    cml = FakeCml()
    process = Ec2Process(folder, **{"LCM_CML_URL": cml.url, **environment})
    world = Ec2World(process, cml)
    world.start()
    try:
        yield world
    finally:
        world.stop()
        cml.close()


def error_code(error: BaseException) -> str:
    """AWS's code of a refusal."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
