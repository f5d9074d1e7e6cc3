"""A CML simulator process for tests, with clients of its management API and of its controllers."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from lcm_simulators.embedded import EmbeddedServer
from lcm_simulators.embedded.probes import http_body

WAIT_SECONDS = 20.0
PASSWORD = "controller-password"  # nosec B105 - of a simulated controller
NODE_DEFAULTS = {"x": 0, "y": 0}


class CmlProcess(EmbeddedServer):
    """`python -m lcm_simulators.cml`, with all its controllers on one loopback address of its own."""

    name = "cml"

    def command(self) -> list[str]:
        self._environment |= {"LCM_CML_PORT": str(self.port), "LCM_SIM_DATA_DIR": str(self.data_dir)}
        return [sys.executable, "-m", "lcm_simulators.cml"]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, "/health")
        return status == 200

    @property
    def authority(self) -> Path:
        """The certificate authority of the controllers."""
        return self.data_dir / "ca" / "ca.pem"

    def manage(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A call of the management API that must succeed."""
        answer = httpx.request(method, f"http://{self.address}/admin{path}", timeout=30, **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def power_on(self, instance_id: str, **config: object) -> dict[str, Any]:
        """A controller that is ready at once, on a free port; what the management API says of it."""
        body = {"address": "127.0.0.1", "port": 0, "boot_seconds": 0, "admin_password": PASSWORD, **config}
        answer: dict[str, Any] = self.manage("PUT", f"/controllers/{instance_id}", json=body).json()
        return answer

    def journal(self) -> list[dict[str, Any]]:
        """Calls that the controllers answered."""
        entries: list[dict[str, Any]] = self.manage("GET", "/journal").json()["entries"]
        return entries

    def controller(self, instance_id: str, **config: object) -> "Cml":
        """A controller, powered on, with a client that is signed in and a valid license."""
        view = self.power_on(instance_id, **config)
        cml = Cml(self, instance_id, f"https://{view['address']}:{view['port']}")
        cml.sign_in()
        if cml.get("licensing")["registration"]["status"] == "NOT_REGISTERED":
            cml.call("POST", "licensing/registration", json={"token": "good-token"})
            cml.wait(lambda: cml.get("licensing")["authorization"]["status"] == "IN_COMPLIANCE", "the license")
        return cml


class Cml:
    """One controller through its API."""

    def __init__(self, process: CmlProcess, instance_id: str, url: str) -> None:
        self.process, self.instance_id, self.url = process, instance_id, url
        self.http = httpx.Client(base_url=f"{url}/api/v0/", verify=str(process.authority), timeout=20)

    def sign_in(self, username: str = "admin", password: str = PASSWORD) -> None:
        """Use a new token from now on."""
        token = self.call("POST", "authenticate", json={"username": username, "password": password}).json()
        self.http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A call that must succeed."""
        answer = self.http.request(method, path, **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path: str) -> Any:
        """The JSON body of a GET."""
        return self.call("GET", path).json()

    def refused(self, method: str, path: str, status: int, **arguments: Any) -> str:
        """The description of a call that must be refused with this status."""
        answer = self.http.request(method, path, **arguments)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        body = answer.json()
        assert body["code"] == status
        return str(body["description"])

    def load(self, topology: str) -> str:
        """Import a topology; the lab's id."""
        return str(self.call("POST", "import", content=topology).json()["id"])

    def boot(self, lab_id: str) -> None:
        """Start a lab and wait until its nodes are up."""
        self.call("PUT", f"labs/{lab_id}/start")
        self.wait(lambda: bool(self.get(f"labs/{lab_id}/check_if_converged")), "the lab")

    def states(self, lab_id: str) -> dict[str, str]:
        """States of the nodes by label."""
        return {node["label"]: node["state"] for node in self.get(f"labs/{lab_id}/nodes?data=true")}

    def node(self, lab_id: str, label: str) -> dict[str, Any]:
        """One node with its configuration files."""
        nodes = self.get(f"labs/{lab_id}/nodes?data=true&exclude_configurations=false")
        return next(node for node in nodes if node["label"] == label)

    def type_lines(self, lab_id: str, label: str, text: str) -> None:
        """Type configuration lines at a device."""
        path = f"/controllers/{self.instance_id}/labs/{lab_id}/nodes/{label}/lines"
        self.process.manage("POST", path, content=text)

    def running(self, lab_id: str, label: str) -> str:
        """The running configuration of a device."""
        path = f"/controllers/{self.instance_id}/labs/{lab_id}/nodes/{label}/configuration"
        return self.process.manage("GET", path).text

    def show(self, lab_id: str, label: str, command: str) -> str:
        """What a device answers to a command."""
        path = f"/controllers/{self.instance_id}/labs/{lab_id}/nodes/{label}/command"
        return self.process.manage("POST", path, content=command).text

    @staticmethod
    def wait(condition: Callable[[], bool], what: str) -> None:
        """Poll until something is so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come in {WAIT_SECONDS:g} s"
            time.sleep(0.02)


@contextmanager
def cml_process(folder: Path, **environment: str) -> Iterator[CmlProcess]:
    """A running simulator whose devices boot at once, unless the environment says otherwise."""
    process = CmlProcess(folder / "data", environment={"LCM_SIM_BOOT_SCALE": "0", **environment})
    asyncio.run(process.start())
    try:
        yield process
    finally:
        asyncio.run(process.stop(3.0))


def topology(nodes: dict[str, str], links: tuple[tuple[str, str], ...] = (), **more: dict[str, Any]) -> str:
    """A topology of nodes by label with their definitions; links join the first free interfaces.

    `more` holds further keys of nodes by label, such as ``{"r1": {"configuration": "hostname r1"}}``.
    """
    counts = dict.fromkeys(nodes, 0)
    wires = []
    for number, (a, b) in enumerate(links):
        wires.append({"id": f"l{number}", "n1": a, "n2": b, "i1": f"i{counts[a]}", "i2": f"i{counts[b]}"})
        counts[a] += 1
        counts[b] += 1
    entries = []
    for label, definition in nodes.items():
        interfaces = [
            {"id": f"i{slot}", "label": _label(definition, slot), "slot": slot, "type": "physical"}
            for slot in range(max(1, counts[label]))
        ]
        entry = {"id": label, "label": label, "node_definition": definition, "interfaces": interfaces, **NODE_DEFAULTS}
        entries.append({**entry, **more.get(label, {})})
    lab = {"title": "Test lab", "description": "", "notes": "", "version": "0.3.0"}
    return json.dumps({"lab": lab, "nodes": entries, "links": wires, "annotations": []})


def _label(definition: str, slot: int) -> str:
    if definition in {"iol-xe", "ioll2-xe"}:
        return f"Ethernet{slot // 4}/{slot % 4}"
    if definition == "iosvl2":
        return f"GigabitEthernet{slot // 4}/{slot % 4}"
    if definition == "iosv":
        return f"GigabitEthernet0/{slot}"
    if definition == "external_connector":
        return "port"
    return f"port{slot}" if definition == "unmanaged_switch" else f"eth{slot}"
