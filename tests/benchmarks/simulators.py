"""What simulated CML controllers cost: a hundred of them with a thousand running labs of twenty nodes, in one process.

Run with ``python tests/benchmarks/simulators.py``; it takes about two minutes. BENCH_CONTROLLERS makes it smaller.
"""

import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from rows import Row, publish

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import EmbeddedServer

CONTROLLERS = int(os.environ.get("BENCH_CONTROLLERS", "100"))
LABS_EACH = 10
NODES_EACH = 20
IDLE_SECONDS = 20.0
LOAD_SECONDS = 8.0
CONNECTIONS = 8
PASSWORD = "benchmark"  # nosec B105 - of simulated controllers
EXPANSION = "regid.2019-10.com.cisco.CML_NODE_COUNT,1.0_2607650b-6ca8-46d5-81e5-e6688b7383c4"


class CmlProcess(EmbeddedServer):
    """The CML simulator; devices boot at once."""

    name = "cml"

    def command(self) -> list[str]:
        """Run the module on the chosen port."""
        self._environment |= {
            "LCM_CML_PORT": str(self.port),
            "LCM_SIM_DATA_DIR": str(self.data_dir),
            "LCM_SIM_BOOT_SCALE": "0",
        }
        return [sys.executable, "-m", "lcm_simulators.cml"]

    async def healthy(self) -> bool:
        """Whether the management API answers."""
        status, _ = await http_body("127.0.0.1", self.port, "/health")
        return status == 200


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller's address and a token of its administrator."""

    port: int
    token: str


def topology() -> str:
    """A ring of routers, each with a small configuration."""
    nodes, links = [], []
    for number in range(NODES_EACH):
        interfaces = [
            {"id": f"i{slot}", "label": f"GigabitEthernet0/{slot}", "slot": slot, "type": "physical"} for slot in (0, 1)
        ]
        text = f"hostname r{number}\ninterface GigabitEthernet0/0\n ip address 10.0.{number}.1 255.255.255.0\n"
        nodes.append(
            {"id": f"n{number}", "label": f"r{number}", "node_definition": "iosv", "x": 0, "y": number * 40,
             "configuration": text * 5, "interfaces": interfaces}
        )  # fmt: skip
        far = (number + 1) % NODES_EACH
        links.append({"id": f"l{number}", "n1": f"n{number}", "i1": "i1", "n2": f"n{far}", "i2": "i0"})
    lab = {"title": "Ring", "description": "", "notes": "", "version": "0.3.0"}
    return json.dumps({"lab": lab, "nodes": nodes, "links": links, "annotations": []})


async def build(cml: CmlProcess, number: int, http: httpx.AsyncClient) -> Controller:
    """Power a controller on, license it for all its nodes, and start its labs."""
    config = {"address": "127.0.0.1", "port": 0, "boot_seconds": 0, "admin_password": PASSWORD, "cpus": 96}
    view = (await http.put(f"http://{cml.address}/admin/controllers/bench-{number}", json=config)).json()
    base = f"https://127.0.0.1:{view['port']}/api/v0"
    signed_in = await http.post(f"{base}/authenticate", json={"username": "admin", "password": PASSWORD})
    headers = {"Authorization": f"Bearer {signed_in.json()}"}

    async def call(method: str, path: str, **body: object) -> httpx.Response:
        answer = await http.request(method, f"{base}/{path}", headers=headers, **body)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    await call("POST", "licensing/registration", json={"token": "benchmark", "reregister": False})
    while (await call("GET", "licensing")).json()["authorization"]["status"] != "IN_COMPLIANCE":
        await asyncio.sleep(0.01)
    await call("PATCH", "licensing/features", json=[{"id": EXPANSION, "count": LABS_EACH * NODES_EACH}])
    for _ in range(LABS_EACH):
        lab = (await call("POST", "import", content=topology())).json()["id"]
        await call("PUT", f"labs/{lab}/start")
    return Controller(int(view["port"]), signed_in.json())


async def build_all(cml: CmlProcess, context: ssl.SSLContext) -> list[Controller]:
    """All controllers, a few at a time."""
    gate = asyncio.Semaphore(4)
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=60) as http:

        async def one(number: int) -> Controller:
            async with gate:
                return await build(cml, number, http)

        return list(await asyncio.gather(*(one(number) for number in range(CONTROLLERS))))


async def running_nodes(cml: CmlProcess) -> int:
    """Nodes that are up, in all controllers."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        found = (await http.get(f"http://{cml.address}/admin/controllers")).json()
    return sum(int(controller["load"]["running_nodes"]) for controller in found)


async def pass_time(seconds: float) -> None:
    """Wait in short steps: what is measured is another process."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(0.1)


async def idle_cost(process: psutil.Process) -> float:
    """Share of a core, in percent, while nobody asks for anything."""
    await pass_time(2)
    before, began = process.cpu_times(), time.monotonic()
    await pass_time(IDLE_SECONDS)
    after, seconds = process.cpu_times(), time.monotonic() - began
    return 100 * (after.user + after.system - before.user - before.system) / seconds


async def ask_repeatedly(controller: Controller, path: str, context: ssl.SSLContext, until: float) -> int:
    """Answers on one connection that is kept open. A bare client, so that the server is what is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", controller.port, ssl=context)
    request = (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {controller.token}\r\n\r\n").encode()
    answered = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{path} was refused: {head.decode()}")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        answered += 1
    writer.close()
    return answered


async def rate(controllers: list[Controller], path: str, context: ssl.SSLContext) -> float:
    """Answers per second over several connections."""
    began = time.monotonic()
    until = began + LOAD_SECONDS
    chosen = [controllers[number % len(controllers)] for number in range(CONNECTIONS)]
    counts = await asyncio.gather(*(ask_repeatedly(each, path, context, until) for each in chosen))
    return sum(counts) / (time.monotonic() - began)


async def run() -> list[Row]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="bench-simulators-") as folder:
        async with CmlProcess(Path(folder) / "data") as cml:
            context = ssl.create_default_context(cafile=str(cml.data_dir / "ca" / "ca.pem"))
            began = time.monotonic()
            controllers = await build_all(cml, context)
            took = time.monotonic() - began
            wanted = CONTROLLERS * LABS_EACH * NODES_EACH
            up = await running_nodes(cml)
            if up != wanted:
                raise SystemExit(f"{up} of {wanted} nodes run")
            process = psutil.Process(cml.pid)
            of = f"{CONTROLLERS} CML controllers, {CONTROLLERS * LABS_EACH} labs of {NODES_EACH} running nodes"
            processor = await idle_cost(process)
            memory = process.memory_info().rss / 2**20
            listed = await rate(controllers, "/api/v0/labs?show_all=true", context)
            tiles = await rate(controllers, "/api/v0/populate_lab_tiles?show_all=true", context)
            return [
                Row(f"{of}: built and started", took, "s"),
                Row(f"{of}: processor when idle", processor, "% of a core", 20),
                Row(f"{of}: memory", memory, "MiB", 1024),
                Row("CML simulator: lists of labs a second", listed, "requests", better="higher"),
                Row("CML simulator: tiles of 10 labs a second", tiles, "requests", better="higher"),
            ]


if __name__ == "__main__":
    publish(asyncio.run(run()))
