"""Power and time: phases of a boot, off, restart, destruction, a crash of the simulator, faults and the journal."""

import asyncio
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest
from cml_world import Cml, CmlProcess, cml_process, topology

CONFIGURATION = "hostname r1\n"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    with cml_process(tmp_path_factory.mktemp("cml")) as running:
        yield running


def again(process: CmlProcess, cml: Cml) -> Cml:
    """A controller after its connections were cut."""
    fresh = Cml(process, cml.instance_id, cml.url)
    fresh.sign_in()
    return fresh


def refuses_connections(cml: Cml) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(cml.url.rsplit(":", 1)[1])), 2):
            return False
    except OSError:
        return True


def test_power_off_stops_nodes_and_keeps_labs_power_on_brings_them_back(process: CmlProcess) -> None:
    cml = process.controller("power")
    port = int(cml.url.rsplit(":", 1)[1])
    lab = cml.load(topology({"r1": "iosv"}, r1={"configuration": CONFIGURATION}))
    cml.boot(lab)
    cml.type_lines(lab, "r1", "banner motd never saved")

    view = process.manage("POST", "/controllers/power/off").json()
    assert (view["phase"], view["powered"], view["ready"]) == ("off", False, False)
    assert refuses_connections(cml)

    process.power_on("power", port=port)
    back = again(process, cml)
    assert back.states(lab) == {"r1": "STOPPED"}
    assert back.get("licensing")["authorization"]["status"] == "IN_COMPLIANCE"
    back.boot(lab)
    assert "never saved" not in back.running(lab, "r1")


def test_power_on_twice_is_power_on_once(process: CmlProcess) -> None:
    first = process.power_on("twice")
    assert process.power_on("twice")["port"] == first["port"]
    known = [controller["instance_id"] for controller in process.manage("GET", "/controllers").json()]
    assert known.count("twice") == 1


def test_a_boot_goes_through_its_phases(process: CmlProcess) -> None:
    process.manage("PUT", "/clock", json={"factor": 0.01})
    view = process.power_on("slow", boot_seconds=100, port=0)
    assert view["phase"] == "connection_refused"
    context = ssl.create_default_context(cafile=str(process.authority))
    seen = []
    process.manage("PUT", "/clock", json={"factor": 60})
    with httpx.Client(verify=context, timeout=5) as client:

        def look() -> bool:
            found = process.manage("GET", "/controllers/slow").json()
            if found["phase"] not in seen:
                seen.append(found["phase"])
            if found["phase"] == "bad_gateway":
                seen.append(client.get(f"https://127.0.0.1:{found['port']}/api/v0/system_information").status_code)
            return bool(found["phase"] == "ready")

        Cml.wait(look, "the boot")
        port = process.manage("GET", "/controllers/slow").json()["port"]
        assert client.get(f"https://127.0.0.1:{port}/api/v0/system_information").json()["ready"] is True
    assert [step for step in seen if isinstance(step, str)][-1] == "ready"
    assert "bad_gateway" in seen
    assert 502 in seen
    process.manage("PUT", "/clock", json={"factor": 1})


def test_a_restart_of_the_service_leaves_nodes_running(process: CmlProcess) -> None:
    cml = process.controller("service")
    lab = cml.load(topology({"r1": "iosv"}))
    cml.boot(lab)
    process.manage("POST", "/controllers/service/restart", json={"seconds": 0})
    back = again(process, cml)
    assert back.states(lab) == {"r1": "BOOTED"}


def test_a_destroyed_controller_is_forgotten(process: CmlProcess) -> None:
    cml = process.controller("doomed")
    assert process.manage("DELETE", "/controllers/doomed").status_code == 204
    assert process.manage("DELETE", "/controllers/doomed").status_code == 204
    assert refuses_connections(cml)
    unknown = httpx.get(f"http://{process.address}/admin/controllers/doomed")
    assert unknown.status_code == 404


def test_a_crash_of_the_simulator_loses_nothing_that_was_answered(process: CmlProcess) -> None:
    cml = process.controller("crash")
    lab = cml.load(topology({"r1": "iosv", "r2": "iosv"}, (("r1", "r2"),), r1={"configuration": CONFIGURATION}))
    cml.boot(lab)
    cml.type_lines(lab, "r1", "interface Loopback7\n ip address 7.7.7.7 255.255.255.255")
    cml.call("POST", "users", json={"username": "kept", "password": "secret-1"})
    cml.call("PATCH", f"labs/{lab}", json={"title": "Kept"})
    before = cml.call("GET", f"labs/{lab}/topology").json()

    process.kill()
    asyncio.run(process.start())

    back = Cml(process, cml.instance_id, cml.url)
    back.http.headers["Authorization"] = cml.http.headers["Authorization"]
    assert back.get(f"labs/{lab}/topology") == before
    assert back.states(lab) == {"r1": "BOOTED", "r2": "BOOTED"}
    assert "7.7.7.7" in back.running(lab, "r1")
    back.sign_in("kept", "secret-1")


def test_a_boot_in_progress_goes_on_after_a_crash(tmp_path_factory: pytest.TempPathFactory) -> None:
    with cml_process(tmp_path_factory.mktemp("cml"), LCM_SIM_BOOT_SCALE="0.02") as process:
        cml = process.controller("booting")
        lab = cml.load(topology({"r1": "iosv"}))
        cml.call("PUT", f"labs/{lab}/start")
        assert cml.states(lab)["r1"] in {"QUEUED", "STARTED"}
        process.kill()
        asyncio.run(process.start())
        back = again(process, cml)
        back.wait(lambda: back.states(lab) == {"r1": "BOOTED"}, "the boot")


def test_a_port_that_is_taken_is_said_so(process: CmlProcess) -> None:
    port = int(process.controller("holder").url.rsplit(":", 1)[1])
    config = {"address": "127.0.0.1", "port": port, "boot_seconds": 0}
    answer = httpx.put(f"http://{process.address}/admin/controllers/second", json=config)
    assert answer.status_code == 409


def test_wrong_configuration_of_a_controller_is_refused(process: CmlProcess) -> None:
    for config in (
        {"address": "nowhere"},
        {"address": "127.0.0.1", "version": "new"},
        {"address": "127.0.0.1", "x": 1},
    ):
        answer = httpx.put(f"http://{process.address}/admin/controllers/wrong", json=config)
        assert answer.status_code == 422, config


def test_faults_strike_the_controller_they_name(process: CmlProcess) -> None:
    one, other = process.controller("one"), process.controller("other")
    process.manage("PUT", "/faults", json=[{"match": {"key": "one"}, "kind": "status", "status": 503, "count": 1}])
    assert one.http.get("labs").status_code == 503
    assert one.http.get("labs").status_code == 200
    assert other.http.get("labs").status_code == 200


def test_a_call_can_succeed_and_lose_its_answer(process: CmlProcess) -> None:
    cml = process.controller("lossy")
    fault = {"match": {"method": "POST", "path_regex": "/import$"}, "kind": "drop_after_success", "count": 1}
    process.manage("PUT", "/faults", json=[fault])
    with pytest.raises(httpx.TransportError):
        cml.load(topology({"r1": "iosv"}))
    assert len(again(process, cml).get("labs")) == 1


def test_the_journal_names_what_each_controller_was_asked(process: CmlProcess) -> None:
    cml = process.controller("watched")
    cml.get("labs")
    cml.http.get("labs/11111111-1111-4111-8111-111111111111")
    entries = [
        (entry["method"], entry["path"], entry["status"]) for entry in process.journal() if entry["key"] == "watched"
    ]
    assert ("GET", "/api/v0/labs", 200) in entries
    assert entries[-1][2] == 404


def test_every_token_can_be_expired(process: CmlProcess) -> None:
    cml = process.controller("expiring")
    process.manage("DELETE", "/controllers/expiring/tokens")
    assert cml.http.get("labs").status_code == 401
    cml.sign_in()
    assert cml.get("labs") == []
