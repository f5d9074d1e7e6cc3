"""Licensing: registrations are answered later, given back, leaked; counts of expansion nodes; products."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from cml_world import Cml, CmlProcess, cml_process, topology

BASE = 20


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    # A boot scale above 0 keeps the answer of the license server apart from the request.
    with cml_process(tmp_path_factory.mktemp("cml"), LCM_SIM_BOOT_SCALE="0.05") as running:
        yield running


@pytest.fixture(autouse=True)
def license_server(process: CmlProcess) -> Iterator[None]:
    yield
    process.manage("PUT", "/licenses/settings", json={})


def fresh(process: CmlProcess, name: str, **config: object) -> Cml:
    view = process.power_on(name, **config)
    cml = Cml(process, name, f"https://127.0.0.1:{view['port']}")
    cml.sign_in()
    return cml


def status(cml: Cml) -> tuple[str, str]:
    found = cml.get("licensing")
    return found["registration"]["status"], found["authorization"]["status"]


def register(cml: Cml, token: str = "good-token") -> None:
    assert cml.call("POST", "licensing/registration", json={"token": token}).status_code == 204


def registrations(process: CmlProcess, name: str) -> list[dict[str, Any]]:
    found = process.manage("GET", "/licenses").json()["registrations"]
    return [entry for entry in found if entry["instance_id"] == name]


def test_a_registration_is_answered_later_and_given_back(process: CmlProcess) -> None:
    cml = fresh(process, "round-trip")
    assert status(cml)[0] == "NOT_REGISTERED"
    register(cml)
    assert status(cml)[0] == "IN_PROGRESS"
    cml.wait(lambda: status(cml) == ("COMPLETED", "IN_COMPLIANCE"), "the registration")
    assert cml.get("licensing")["registration"]["register_time"]["success"] == "SUCCESS"
    assert len(registrations(process, "round-trip")) == 1

    assert cml.call("DELETE", "licensing/deregistration").status_code == 204
    assert status(cml)[0] == "NOT_REGISTERED"
    assert registrations(process, "round-trip") == []
    said = cml.refused("DELETE", "licensing/deregistration", 400)
    assert said == "Licensing issue: The product has already been de-registered."


def test_a_worthless_token_is_accepted_and_fails_later(process: CmlProcess) -> None:
    cml = fresh(process, "worthless")
    register(cml, "invalid-token")
    cml.wait(lambda: status(cml)[0] == "FAILED", "the failure")
    assert status(cml)[1] == "EVAL"
    assert "invalid-token' is not valid" in cml.get("licensing")["registration"]["register_time"]["failure"]


def test_a_malformed_token_and_a_second_request_are_refused(process: CmlProcess) -> None:
    cml = fresh(process, "malformed")
    cml.refused("POST", "licensing/registration", 400, json={"token": "not a token"})
    register(cml)
    cml.refused("POST", "licensing/registration", 409, json={"token": "another"})


def test_running_nodes_keep_a_license(process: CmlProcess) -> None:
    cml = process.controller("in-use")
    lab = cml.load(topology({"h0": "alpine"}))
    cml.boot(lab)
    said = cml.refused("DELETE", "licensing/deregistration", 400)
    assert said == "Licensing issue: Cannot de-register when nodes are running."
    cml.call("PUT", f"labs/{lab}/stop")
    cml.call("DELETE", "licensing/deregistration")


def test_a_controller_that_is_destroyed_leaks_its_registration(process: CmlProcess) -> None:
    process.controller("leaky")
    process.controller("tidy").call("DELETE", "licensing/deregistration")
    before = process.manage("GET", "/licenses").json()["leaked"]
    process.manage("DELETE", "/controllers/leaky")
    process.manage("DELETE", "/controllers/tidy")
    assert [entry["leaked"] for entry in registrations(process, "leaky")] == [True]
    assert registrations(process, "tidy") == []
    assert process.manage("GET", "/licenses").json()["leaked"] == before + 1


def test_expansion_nodes_raise_the_limit(process: CmlProcess) -> None:
    cml = process.controller("expanded")
    lab = cml.load(topology({f"h{number}": "alpine" for number in range(BASE + 1)}))
    cml.refused("PUT", f"labs/{lab}/start", 400)
    nodes = cml.get("licensing")["features"][1]["id"]
    cml.call("PATCH", "licensing/features", json=[{"id": nodes, "count": 1}])
    cml.boot(lab)
    cml.refused("PATCH", "licensing/features", 400, json=[{"id": nodes, "count": 1}])
    cml.refused("PATCH", "licensing/features", 400, json=[{"id": nodes, "count": 501}])
    cml.refused("PATCH", "licensing/features", 400, json=[{"id": "unknown", "count": 1}])
    assert registrations(process, "expanded")[0]["features"] == {nodes: 1}


def test_a_license_server_that_is_away_is_asked_again(process: CmlProcess) -> None:
    cml = fresh(process, "offline")
    process.manage("PUT", "/licenses/settings", json={"available": False})
    register(cml)
    cml.wait(lambda: status(cml)[0] == "RETRY_IN_PROGRESS", "the retry")
    process.manage("PUT", "/licenses/settings", json={})
    process.manage("PUT", "/clock", json={"factor": 100})
    cml.wait(lambda: status(cml) == ("COMPLETED", "IN_COMPLIANCE"), "the registration")
    process.manage("PUT", "/clock", json={"factor": 1})
    process.manage("PUT", "/licenses/settings", json={"available": False})
    assert cml.call("DELETE", "licensing/deregistration").status_code == 202
    assert len(registrations(process, "offline")) == 1


def test_more_than_was_bought_is_out_of_compliance(process: CmlProcess) -> None:
    process.manage("PUT", "/licenses/settings", json={"node_quota": 0})
    cml = process.controller("quota-holder")
    nodes = cml.get("licensing")["features"][1]["id"]
    cml.call("PATCH", "licensing/features", json=[{"id": nodes, "count": 10}])
    assert status(cml)[1] == "OUT_OF_COMPLIANCE"


def test_products_differ_in_their_nodes(process: CmlProcess) -> None:
    cml = fresh(process, "products", max_nodes_unlicensed=0)
    cml.refused("PUT", "licensing/product_license", 400, json="CML_Enterprise")
    cml.refused("PUT", "licensing/product_license", 400, json="/bad")
    cml.refused("PUT", "licensing/product_license", 400, json=7)
    cml.call("PUT", "licensing/product_license", json="CML_Free")
    assert cml.get("diagnostics/licensing")["quota"] == 5
    cml.call("PUT", "licensing/product_license", json="CML_Personal40")
    register(cml)
    cml.wait(lambda: status(cml)[1] == "IN_COMPLIANCE", "the license")
    assert cml.get("diagnostics/licensing")["quota"] == 40


def test_a_request_in_progress_survives_a_crash(tmp_path_factory: pytest.TempPathFactory) -> None:
    with cml_process(tmp_path_factory.mktemp("crash"), LCM_SIM_BOOT_SCALE="1") as process:
        cml = fresh(process, "crash")
        port = int(cml.url.rsplit(":", 1)[1])
        register(cml)
        process.kill()
        asyncio.run(process.start())
        cml.http.close()
        again = Cml(process, "crash", f"https://127.0.0.1:{port}")
        again.sign_in()
        again.wait(lambda: status(again) == ("COMPLETED", "IN_COMPLIANCE"), "the registration")
