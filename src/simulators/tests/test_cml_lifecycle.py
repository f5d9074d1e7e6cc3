"""Controllers that are powered on and off, killed and restarted; node states, limits, licenses, error bodies."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cml_world import Cml, CmlProcess, cml_process, topology

from lcm_simulators.embedded.process import free_port

UNKNOWN = "00000000-0000-4000-a000-00000000dead"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    with cml_process(tmp_path_factory.mktemp("cml")) as running:
        yield running


@pytest.fixture(scope="module")
def cml(process: CmlProcess) -> Cml:
    return process.controller("lifecycle")


def killed(process: CmlProcess) -> None:
    """SIGKILL and a new start."""
    process.kill()
    asyncio.run(process.start())


def test_what_a_client_was_told_survives_a_kill(tmp_path: Path) -> None:
    with cml_process(tmp_path) as process:
        cml = process.controller("i-1", port=free_port(), version="2.10.0")
        lab = cml.load(topology({"r1": "iosv", "r2": "iosv"}, (("r1", "r2"),), r1={"tags": ["serial:2001"]}))
        cml.boot(lab)
        cml.type_lines(lab, "r1", "hostname changed\n")
        before = cml.get(f"labs/{lab}/topology")
        key = cml.get(f"labs/{lab}/nodes/{cml.node(lab, 'r1')['id']}/keys/console")

        killed(process)

        assert cml.states(lab) == {"r1": "BOOTED", "r2": "BOOTED"}, "the token is still good, too"
        assert cml.get(f"labs/{lab}/topology") == before
        assert cml.get(f"labs/{lab}/nodes/{cml.node(lab, 'r1')['id']}/keys/console") == key
        assert "hostname changed" in cml.running(lab, "r1")
        assert cml.get("licensing")["registration"]["status"] == "COMPLETED"


def test_a_boot_goes_on_after_a_kill(tmp_path: Path) -> None:
    with cml_process(tmp_path, LCM_SIM_BOOT_SCALE="0.02") as process:
        cml = process.controller("i-1", port=free_port())
        lab = cml.load(topology({"slow": "iosv"}))
        cml.call("PUT", f"labs/{lab}/start")
        assert cml.states(lab)["slow"] in {"QUEUED", "STARTED"}
        killed(process)
        cml.wait(lambda: cml.states(lab)["slow"] == "BOOTED", "the boot")


def test_a_controller_that_is_switched_off_refuses_connections_and_keeps_its_labs(process: CmlProcess) -> None:
    cml = process.controller("switched", port=free_port())
    lab = cml.load(topology({"r1": "iosv"}))
    cml.boot(lab)

    view = process.manage("POST", "/controllers/switched/off").json()

    assert (view["phase"], view["powered"], view["load"]["running_nodes"]) == ("off", False, 0)
    with pytest.raises(httpx.TransportError):
        cml.get("system_information")
    process.power_on("switched", port=int(cml.url.rsplit(":", 1)[1]))
    assert cml.states(lab) == {"r1": "STOPPED"}


def test_a_controller_that_boots_is_away_then_a_proxy_then_not_ready(process: CmlProcess) -> None:
    view = process.power_on("booting", boot_seconds=1000, port=free_port())
    assert (view["phase"], view["ready"]) == ("connection_refused", False)
    url = f"https://127.0.0.1:{view['port']}/api/v0/system_information"
    seen = set()
    process.manage("PUT", "/clock", json={"factor": 500})
    try:
        with httpx.Client(verify=str(process.authority)) as client:

            def ready() -> bool:
                try:
                    answer = client.get(url)
                except httpx.TransportError:
                    seen.add("refused")
                    return False
                seen.add(str(answer.status_code) if answer.status_code != 200 else str(answer.json()["ready"]))
                return "True" in seen

            Cml.wait(ready, "the controller")
    finally:
        process.manage("PUT", "/clock", json={"factor": 1})
    assert seen == {"refused", "502", "False", "True"}


def test_power_on_again_changes_nothing_and_destruction_leaks_a_license(process: CmlProcess) -> None:
    cml = process.controller("doomed")
    lab = cml.load(topology({"r1": "iosv"}))
    again = process.power_on("doomed")
    assert cml.url.endswith(f":{again['port']}")
    assert cml.get(f"labs/{lab}")["node_count"] == 1

    process.manage("DELETE", "/controllers/doomed")
    process.manage("DELETE", "/controllers/doomed")

    licenses = process.manage("GET", "/licenses").json()
    assert [entry["leaked"] for entry in licenses["registrations"] if entry["instance_id"] == "doomed"] == [True]
    names = {view["instance_id"] for view in process.manage("GET", "/controllers").json()}
    assert "doomed" not in names


def test_a_service_that_restarts_leaves_its_nodes_running(cml: Cml) -> None:
    lab = cml.load(topology({"r1": "iosv"}))
    cml.boot(lab)
    cml.process.manage("POST", f"/controllers/{cml.instance_id}/restart", json={"seconds": 0})
    cml.wait(lambda: cml.http.get("system_information").status_code == 200, "the service")
    assert cml.states(lab) == {"r1": "BOOTED"}
    cml.call("PUT", f"labs/{lab}/stop")


def test_states_follow_the_life_of_a_lab(cml: Cml) -> None:
    lab = cml.load(topology({"r1": "iosv", "r2": "iosv"}, (("r1", "r2"),)))
    link = cml.get(f"labs/{lab}/links")[0]
    assert (cml.get(f"labs/{lab}/state"), cml.get(f"labs/{lab}/links/{link}")["state"]) == ("DEFINED_ON_CORE",) * 2
    assert cml.get(f"labs/{lab}/check_if_converged") is True
    cml.boot(lab)
    assert (cml.get(f"labs/{lab}/state"), cml.get(f"labs/{lab}/links/{link}")["state"]) == ("STARTED", "STARTED")
    stats = cml.get(f"labs/{lab}/simulation_stats")
    assert set(stats["nodes"]) == set(cml.get(f"labs/{lab}/nodes"))
    for action in ("wipe", "delete"):
        method, path = ("PUT", f"labs/{lab}/wipe") if action == "wipe" else ("DELETE", f"labs/{lab}")
        assert "stopped" in cml.refused(method, path, 400)
    cml.call("PUT", f"labs/{lab}/start")
    cml.call("PUT", f"labs/{lab}/stop")
    assert set(cml.states(lab).values()) == {"STOPPED"}
    assert "wiped" in cml.refused("DELETE", f"labs/{lab}", 400)
    cml.call("PUT", f"labs/{lab}/wipe")
    assert cml.http.delete(f"labs/{lab}").status_code == 204
    assert cml.refused("GET", f"labs/{lab}", 404) == f"Lab not found: {lab}"


def test_a_license_memory_and_processors_limit_what_starts(process: CmlProcess) -> None:
    view = process.power_on("limited", max_nodes_unlicensed=2, memory_mb=8192, cpus=4, cpu_overcommit=1)
    free = Cml(process, "limited", f"https://127.0.0.1:{view['port']}")
    free.sign_in()
    three = free.load(topology({"a": "iosv", "b": "iosv", "c": "iosv", "out": "external_connector"}))
    assert "license allows 2" in free.refused("PUT", f"labs/{three}/start", 400)
    assert set(free.states(three).values()) == {"DEFINED_ON_CORE"}, "nothing of it started"
    two = free.load(topology({"a": "iosv", "b": "iosv", "out": "external_connector", "sw": "unmanaged_switch"}))
    free.boot(two)
    free.call("PUT", f"labs/{two}/stop")
    heavy = free.load(topology({"a": "iosv"}, a={"ram": 9000}))
    assert "not enough memory" in free.refused("PUT", f"labs/{heavy}/start", 400)
    wide = free.load(topology({"a": "iosv"}, a={"cpus": 5}))
    assert "not enough CPUs" in free.refused("PUT", f"labs/{wide}/start", 400)


def test_nodes_of_a_running_lab_cannot_be_changed_or_removed(cml: Cml) -> None:
    lab = cml.load(topology({"r1": "iosv"}))
    cml.boot(lab)
    node = f"labs/{lab}/nodes/{cml.node(lab, 'r1')['id']}"
    cml.call("PATCH", node, json={"label": "renamed", "tags": ["a"]})
    assert "wiped" in cml.refused("PATCH", node, 400, json={"ram": 1024})
    assert "wiped" in cml.refused("DELETE", node, 400)
    cml.call("PUT", f"labs/{lab}/stop")


def test_errors_have_a_code_and_a_description(cml: Cml) -> None:
    assert cml.refused("GET", f"labs/{UNKNOWN}", 404) == f"Lab not found: {UNKNOWN}"
    lab = cml.load(topology({"r1": "iosv"}))
    assert cml.refused("GET", f"labs/{lab}/nodes/{UNKNOWN}", 404) == f"Node not found: {UNKNOWN}"
    assert cml.refused("GET", f"labs/{lab}/links/{UNKNOWN}", 404) == f"Link not found: {UNKNOWN}"
    assert cml.refused("GET", f"users/{UNKNOWN}", 404) == f"User does not exist: {UNKNOWN}."
    assert cml.refused("GET", "no/such/route", 404) == "Not Found"
    failed = json.loads(cml.refused("POST", "labs", 400, json={"title": "x", "color": "red"}))[
        "Input validation failed"
    ]
    assert failed[0]["location"] == ["body", "color"]
    assert "Input validation failed" in cml.refused("GET", "labs/not-a-uuid", 400)
    assert "topology" in cml.refused("POST", "import", 400, content="nodes: [").lower()
    assert "used twice" in cml.refused("POST", "import", 400, content=_two_nodes_of_one_id())


def _two_nodes_of_one_id() -> str:
    document = json.loads(topology({"a": "iosv", "b": "iosv"}))
    document["nodes"][1]["id"] = document["nodes"][0]["id"]
    return json.dumps(document)


def test_tokens_are_asked_for_expire_and_end_with_a_logout(cml: Cml) -> None:
    stranger = Cml(cml.process, cml.instance_id, cml.url)
    stranger.refused("GET", "labs", 401)
    stranger.refused("POST", "authenticate", 403, json={"username": "admin", "password": "wrong"})
    stranger.sign_in()
    stranger.get("labs")
    stranger.call("DELETE", "logout")
    stranger.refused("GET", "labs", 401)
    cml.process.manage("DELETE", f"/controllers/{cml.instance_id}/tokens")
    cml.refused("GET", "labs", 401)
    cml.sign_in()
    assert cml.get("authok") == "OK"


def test_a_user_sees_only_what_was_shared(cml: Cml) -> None:
    cml.call("POST", "users", json={"username": "learner", "password": "secret"})
    learner = Cml(cml.process, cml.instance_id, cml.url)
    learner.sign_in("learner", "secret")
    lab = cml.load(topology({"r1": "iosv"}))
    learner.refused("GET", f"labs/{lab}", 404)
    identity = cml.get("users/learner/id")
    shared = {"users": [{"id": identity, "permissions": ["lab_view"]}], "groups": []}
    cml.call("PATCH", f"labs/{lab}/associations", json=shared)
    assert learner.get(f"labs/{lab}")["effective_permissions"] == ["lab_view"]
    learner.refused("PUT", f"labs/{lab}/start", 403)
    learner.refused("POST", "users", 403, json={"username": "other", "password": "secret"})
    learner.refused("PUT", "licensing/product_license", 403, json="CML_Personal")
    grab = {"associations": [{"id": lab, "permissions": ["lab_admin"]}]}
    learner.refused("PATCH", f"users/{identity}", 403, json=grab)


def test_faults_strike_one_controller_and_operation(cml: Cml) -> None:
    fault = {"match": {"operation": "list_labs", "key": cml.instance_id}, "kind": "status", "status": 503, "count": 1}
    cml.process.manage("PUT", "/faults", json=[fault])
    assert cml.http.get("labs").status_code == 503
    assert cml.http.get("labs").status_code == 200
    noted = [entry for entry in cml.process.journal() if entry["operation"] == "list_labs"]
    assert noted[-2]["note"] == "fault:status"


def test_a_license_that_is_not_answered_yet_is_in_progress_and_a_lost_server_retries(process: CmlProcess) -> None:
    view = process.power_on("unlicensed")
    cml = Cml(process, "unlicensed", f"https://127.0.0.1:{view['port']}")
    cml.sign_in()
    process.manage("PUT", "/licenses/settings", json={"available": False})
    try:
        cml.call("POST", "licensing/registration", json={"token": "good-token"})
        cml.wait(lambda: cml.get("licensing")["registration"]["status"] == "RETRY_IN_PROGRESS", "the failure")
        assert "in progress" in cml.refused("POST", "licensing/registration", 409, json={"token": "t"})
    finally:
        process.manage("PUT", "/licenses/settings", json={})
