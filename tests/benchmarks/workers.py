"""A hundred workers on the simulated cloud: latency of launches, calls per minute, and what the controller costs.

Run with ``python tests/benchmarks/workers.py``; it takes about four minutes.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import httpx
import psutil
from rows import Row, publish

from lcm_core.clients.http import ApiClient
from lcm_core.contracts.common import Page
from lcm_core.contracts.workers import CreateWorker, TemplateView, WorkerView
from lcm_simulators.world import World

WORKERS = int(os.environ.get("BENCH_WORKERS", "100"))
STEADY_SECONDS = float(os.environ.get("BENCH_STEADY_SECONDS", "90"))
RESTARTS = 20
PATIENCE = 240.0


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def everything(api: ApiClient) -> list[WorkerView]:
    """All workers."""
    params = {"limit": "200"}
    return (await api.call("GET", "/api/workers", params=params, response=Page[WorkerView])).items


async def journal(world: World, simulator: str) -> list[dict[str, str]]:
    """Calls a simulator has answered."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        answer = await http.get(f"{world.url(simulator)}/admin/journal")
    entries: list[dict[str, str]] = answer.json()["entries"]
    return entries


async def create(api: ApiClient) -> dict[str, float]:
    """Ask for every worker at once; wall time of each request by worker id."""
    templates = (await api.call("GET", "/api/worker-templates", response=Page[TemplateView])).items
    template = next(each for each in templates if each.spec.name == "single-session")
    gate, asked = asyncio.Semaphore(8), {}

    async def one() -> None:
        async with gate:
            before = time.time()
            body = CreateWorker(template_id=template.id)
            made = await api.call("POST", "/api/workers", body=body, response=WorkerView)
            asked[made.id] = before

    await asyncio.gather(*(one() for _ in range(WORKERS)))
    return asked


async def all_schedulable(api: ApiClient) -> float:
    """Wait until every worker takes sessions; seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        if sum(each.status.schedulable for each in await everything(api)) == WORKERS:
            return time.monotonic() - began
        await asyncio.sleep(0.1)
    phases = Counter(f"{each.status.phase}: {each.status.reason}" for each in await everything(api))
    raise SystemExit(f"not all workers became schedulable: {phases}")


async def launch_latencies(world: World, asked: dict[str, float]) -> list[float]:
    """Seconds from each request to EC2's answer to RunInstances."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        instances = (await http.get(f"{world.url('ec2')}/admin/instances")).json()
    calls = {
        entry["key"]: datetime.fromisoformat(entry["at"]).timestamp()
        for entry in await journal(world, "ec2")
        if entry["operation"] == "RunInstances"
    }
    launched: dict[str, float] = {}
    for each in instances:
        key = next((name for name in (each["instance_id"], each.get("client_token", "")) if name in calls), None)
        if key is not None:
            launched[each["tags"].get("lcm:worker-id", "")] = calls[key]
    return [launched[worker_id] - began for worker_id, began in asked.items() if worker_id in launched]


async def ready_latencies(world: World, api: ApiClient) -> list[float]:
    """Seconds from a CML being ready again after a restart to its worker being schedulable."""
    chosen = (await everything(api))[:RESTARTS]
    found: list[float] = []
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:

        async def one(worker: WorkerView) -> None:
            path = f"{world.url('cml')}/admin/controllers/{worker.status.instance.instance_id}"
            await http.post(f"{path}/restart", json={"seconds": 8})
            await api.call("POST", f"/api/workers/{worker.id}/refresh", body={})
            while (await api.call("GET", f"/api/workers/{worker.id}", response=WorkerView)).status.schedulable:
                await asyncio.sleep(0.05)
            while not (await http.get(path)).json()["ready"]:
                await asyncio.sleep(0.02)
            ready = time.monotonic()
            while not (await api.call("GET", f"/api/workers/{worker.id}", response=WorkerView)).status.schedulable:
                await asyncio.sleep(0.02)
            found.append(time.monotonic() - ready)

        for start in range(0, len(chosen), 5):
            await asyncio.gather(*map(one, chosen[start : start + 5]))
    return found


async def lag_buckets(world: World) -> dict[float, float]:
    """The controller's histogram of event-loop lag."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        text = (await http.get(f"{world.url('worker-controller')}/metrics")).text
    pattern = r'lcm_event_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)'
    return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in re.findall(pattern, text)}


def bound_of(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """Upper bound of the bucket that holds the given share of what was added."""
    added = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    total = added[float("inf")]
    return next(bound for bound, count in added.items() if count >= share * total)


async def steady(world: World) -> list[Row]:
    """Calls, processor and memory while every worker serves and nothing happens."""
    pid = world.pid("worker-controller")
    assert pid is not None
    process = psutil.Process(pid)
    before, lag_before = process.cpu_times(), await lag_buckets(world)
    calls_before = {name: len(await journal(world, name)) for name in ("ec2", "cml")}
    began = time.monotonic()
    while time.monotonic() - began < STEADY_SECONDS:
        await asyncio.sleep(0.1)
    minutes = (time.monotonic() - began) / 60
    after, lag_after = process.cpu_times(), await lag_buckets(world)
    busy = (after.user + after.system) - (before.user + before.system)
    new_calls = Counter(entry["operation"] for entry in (await journal(world, "ec2"))[calls_before["ec2"] :])
    cml_calls = len((await journal(world, "cml"))[calls_before["cml"] :])
    described = sum(count for name, count in new_calls.items() if name.startswith("Describe"))
    of = f"{WORKERS} workers"
    return [
        Row(f"{of}: EC2 describe calls a minute", described / minutes, "calls"),
        Row(f"{of}: CloudWatch calls a minute", new_calls["GetMetricData"] / minutes, "calls"),
        Row(f"{of}: CML calls a minute, all workers", cml_calls / minutes, "calls"),
        Row(f"{of}: processor of the worker controller", 100 * busy / (minutes * 60), "% of a core"),
        Row(f"{of}: memory of the worker controller", process.memory_info().rss / 2**20, "MiB", 250, 150),
        Row(f"{of}: event-loop lag p99 (bucket bound)", 1000 * bound_of(lag_before, lag_after, 0.99), "ms", 50),
    ]


async def run() -> list[Row]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="bench-workers-") as folder:
        world = World(
            Path(folder),
            ports="ephemeral",
            boot_scale=0.0,
            durable=False,
            only={"control-plane", "ec2", "worker-controller"},
            environment={"LCM_LOG_LEVEL": "WARNING"},
        )
        async with world:
            url = world.url("control-plane")
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                signed_in = await http.post(f"{url}/api/auth/login", json={"username": "admin", "password": "test"})
                signed_in.raise_for_status()
            headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            async with ApiClient(url, name="the platform", headers=lambda: headers, timeout_seconds=30) as api:
                asked = await create(api)
                took = await all_schedulable(api)
                launches = await launch_latencies(world, asked)
                rows = [Row(f"{WORKERS} workers asked for at once: all schedulable", took, "s")]
                if launches:
                    rows.append(Row("need → RunInstances answered, p50", percentile(launches, 0.5), "s"))
                    rows.append(Row("need → RunInstances answered, p99", percentile(launches, 0.99), "s", 2.0))
                rows += await steady(world)
                ready = await ready_latencies(world, api)
                rows.append(Row("CML ready → schedulable, p50", percentile(ready, 0.5), "s"))
                rows.append(Row("CML ready → schedulable, p99", percentile(ready, 0.99), "s", 1.0))
                return rows


if __name__ == "__main__":
    publish(asyncio.run(run()))
    sys.exit(0)
