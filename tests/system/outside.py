"""What the outside world holds, read from the simulators' own books."""

from dataclasses import dataclass

import boto3
import httpx
from botocore.config import Config

from lcm_simulators.world import World

LIVE = ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Instance:
    """One EC2 instance."""

    id: str
    state: str
    worker_id: str


def instances(world: World, region: str = "us-east-1") -> list[Instance]:
    """Every instance that EC2 knows of."""
    client = boto3.client(
        "ec2",
        region_name=region,
        endpoint_url=world.url("ec2"),
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 5, "mode": "standard"}),
    )
    found: list[Instance] = []
    for page in client.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                state = instance["State"]["Name"]
                found.append(Instance(instance["InstanceId"], state, tags.get("lcm:worker-id", "")))
    return found


def doubled_workers(world: World) -> list[str]:
    """Worker ids that more than one live instance claims."""
    owners = [found.worker_id for found in instances(world) if found.state in LIVE]
    return sorted({owner for owner in owners if owners.count(owner) > 1})


async def lds_states(world: World, session_ids: list[str]) -> dict[str, list[str]]:
    """States of the delivery system's sessions of each of ours: exactly one, archived, when all is over."""
    auth = httpx.BasicAuth("lcm", world.settings.secrets["LCM_LDS_PASSWORD"])
    states: dict[str, list[str]] = {}
    async with httpx.AsyncClient(base_url=world.url("lds"), auth=auth, trust_env=False) as http:
        for session_id in session_ids:
            answer = await http.get("/reservations/v3/lab_session", params={"auth_id": session_id})
            answer.raise_for_status()
            states[session_id] = [item["state"] for item in answer.json()["items"]]
    return states


async def labs_on_controllers(world: World) -> dict[str, list[str]]:
    """Titles of the labs on each simulated CML that is switched on."""
    left: dict[str, list[str]] = {}
    async with httpx.AsyncClient(base_url=world.url("cml"), trust_env=False) as management:
        answer = await management.get("/admin/controllers")
        answer.raise_for_status()
        controllers = [entry for entry in answer.json() if entry["ready"]]
    password = world.settings.secrets["LCM_CML_PASSWORD"]
    for entry in controllers:
        base = f"https://{entry['address']}:{entry['port']}/api/v0"
        async with httpx.AsyncClient(base_url=base, verify=False, trust_env=False) as cml:
            login = await cml.post("/authenticate", json={"username": "admin", "password": password})
            login.raise_for_status()
            headers = {"Authorization": f"Bearer {login.json()}"}
            ids = (await cml.get("/labs", params={"show_all": "true"}, headers=headers)).json()
            titles = [(await cml.get(f"/labs/{lab}", headers=headers)).json()["lab_title"] for lab in ids]
        left[entry["instance_id"]] = titles
    return left


async def typed_configuration(world: World, instance_id: str, lab_id: str, label: str, text: str) -> None:
    """Give a device another running configuration, as a learner at its console would."""
    path = f"/admin/controllers/{instance_id}/labs/{lab_id}/nodes/{label}/configuration"
    async with httpx.AsyncClient(base_url=world.url("cml"), trust_env=False) as http:
        (await http.put(path, content=text.encode())).raise_for_status()
