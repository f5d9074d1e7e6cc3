"""The EC2 world and the CML simulator together: an instance that runs is a CML that answers at its address."""

import asyncio
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from ec2_world import Ec2World, ec2_world, wait_until

from lcm_simulators.embedded import EmbeddedServer
from lcm_simulators.embedded.probes import http_body


class CmlProcess(EmbeddedServer):
    """`python -m lcm_simulators.cml`."""

    name = "cml"

    def command(self) -> list[str]:
        self._environment |= {"LCM_CML_PORT": str(self.port), "LCM_SIM_DATA_DIR": str(self.data_dir)}
        return [sys.executable, "-m", "lcm_simulators.cml"]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, "/health")
        return status == 200


@pytest.fixture(scope="module")
def cml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    process = CmlProcess(tmp_path_factory.mktemp("cml") / "data", environment={"LCM_SIM_BOOT_SCALE": "0"})
    asyncio.run(process.start())
    yield process
    asyncio.run(process.stop(3.0))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, cml: CmlProcess) -> Iterator[Ec2World]:
    folder = tmp_path_factory.mktemp("ec2")
    with ec2_world(folder, LCM_CML_URL=f"http://{cml.address}", LCM_SIM_BOOT_SCALE="0") as running:
        yield running


def endpoint(world: Ec2World, instance_id: str) -> str:
    return {tag["Key"]: tag["Value"] for tag in world.instance(instance_id)["Tags"]}["lcm:endpoint"]


def answers(client: httpx.Client, url: str) -> bool:
    try:
        return bool(client.get(f"{url}/api/v0/system_information").json()["ready"])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def trusting(ca: Path) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cafile=str(ca)), timeout=5.0)


def test_cml_answers_at_the_endpoint_while_its_instance_runs(world: Ec2World, cml: CmlProcess) -> None:
    instance_id = world.running()
    url, ec2 = endpoint(world, instance_id), world.ec2()
    with trusting(cml.data_dir / "ca" / "ca.pem") as client:
        wait_until(lambda: answers(client, url), "CML to answer")
        login = client.post(f"{url}/api/v0/authenticate", json={"username": "admin", "password": "fleet-secret"})
        assert login.status_code == 200
        assert client.get(f"{url}/api/v0/system_information").json()["version"] == "2.9.1+build.7"
        ec2.stop_instances(InstanceIds=[instance_id])
        wait_until(lambda: not answers(client, url), "CML to be gone")
        ec2.start_instances(InstanceIds=[instance_id])
        wait_until(lambda: answers(client, url), "CML to be back")
        ec2.terminate_instances(InstanceIds=[instance_id])
        wait_until(lambda: not answers(client, url), "CML to be destroyed")
    wait_until(lambda: instance_id not in known(cml), "the controller to be forgotten")


def test_metrics_come_from_the_real_load(world: Ec2World, cml: CmlProcess) -> None:
    instance_id = world.running()
    wait_until(lambda: instance_id in known(cml), "the controller")
    load = known(cml)[instance_id]["load"]
    world.pass_time(900)
    end = datetime.fromtimestamp(world.now(), UTC)
    points = world.cloudwatch().get_metric_statistics(
        Namespace="AWS/EC2", MetricName="CPUUtilization", Dimensions=[{"Name": "InstanceId", "Value": instance_id}],
        StartTime=end - timedelta(hours=1), EndTime=end, Period=300, Statistics=["Average"],
    )["Datapoints"]  # fmt: skip
    assert points[-1]["Average"] == pytest.approx(load["cpu_percent"], rel=0.04)


def known(cml: CmlProcess) -> dict[str, dict[str, dict[str, float]]]:
    found = httpx.get(f"http://{cml.address}/admin/controllers").json()
    return {controller["instance_id"]: controller for controller in found}
