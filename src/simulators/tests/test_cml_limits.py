"""What a controller refuses: starts beyond license, host or pool, and calls that are wrong, with the words it uses."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from cml_world import PASSWORD, Cml, CmlProcess, cml_process, topology

BASE_LICENSE = 20
GONE = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    with cml_process(tmp_path_factory.mktemp("cml")) as running:
        yield running


@pytest.fixture(scope="module")
def cml(process: CmlProcess) -> Cml:
    return process.controller("limits")


def hosts(count: int, definition: str = "alpine") -> str:
    return topology({f"h{number}": definition for number in range(count)})


def up(cml: Cml, lab: str) -> int:
    return sum(state == "BOOTED" for state in cml.states(lab).values())


def test_the_license_limits_the_nodes_that_run(process: CmlProcess) -> None:
    cml = process.controller("licensed")
    full, one_more = cml.load(hosts(BASE_LICENSE)), cml.load(hosts(1))
    cml.boot(full)
    said = cml.refused("PUT", f"labs/{one_more}/start", 400)
    assert "license" in said.lower()
    assert cml.states(one_more) == {"h0": "DEFINED_ON_CORE"}
    assert cml.get("diagnostics/licensing")["started"] == BASE_LICENSE

    cml.call("PUT", f"labs/{full}/nodes/{cml.node(full, 'h0')['id']}/state/stop")
    cml.boot(one_more)
    assert up(cml, one_more) == 1


def test_a_refused_start_starts_nothing(process: CmlProcess) -> None:
    cml = process.controller("all-or-nothing")
    lab = cml.load(hosts(BASE_LICENSE + 1))
    cml.refused("PUT", f"labs/{lab}/start", 400)
    assert set(cml.states(lab).values()) == {"DEFINED_ON_CORE"}


def test_connectors_and_unmanaged_switches_need_no_license(process: CmlProcess) -> None:
    cml = process.controller("uncounted")
    nodes = {f"h{number}": "alpine" for number in range(BASE_LICENSE)}
    lab = cml.load(topology({**nodes, "sw": "unmanaged_switch", "out": "external_connector"}))
    cml.boot(lab)
    assert up(cml, lab) == BASE_LICENSE + 2
    assert process.manage("GET", "/controllers/uncounted").json()["load"]["running_nodes"] >= BASE_LICENSE


def test_without_a_license_only_a_few_nodes_run(process: CmlProcess) -> None:
    view = process.power_on("unlicensed", max_nodes_unlicensed=2)
    cml = Cml(process, "unlicensed", f"https://127.0.0.1:{view['port']}")
    cml.sign_in()
    cml.refused("PUT", f"labs/{cml.load(hosts(3))}/start", 400)
    cml.boot(cml.load(hosts(2)))


@pytest.mark.parametrize(
    ("config", "definition", "word"),
    [({"memory_mb": 1024}, "iosv", "memory"), ({"cpus": 1, "cpu_overcommit": 2}, "alpine", "CPU")],
)
def test_the_host_limits_the_nodes_that_run(
    process: CmlProcess, config: dict[str, int], definition: str, word: str
) -> None:
    cml = process.controller(f"small-{word.lower()}", **config)
    cml.boot(cml.load(hosts(2, definition)))
    assert word in cml.refused("PUT", f"labs/{cml.load(hosts(1, definition))}/start", 400)


def test_a_pool_limits_its_user_alone(process: CmlProcess) -> None:
    cml = process.controller("pools")
    user = cml.call("POST", "users", json={"username": "mel", "password": "secret-1"}).json()
    cml.call("POST", "resource_pools", json={"label": "two", "licenses": 2, "users": [user["id"]]})
    lab, of_admin = cml.load(hosts(3)), cml.load(hosts(3))
    cml.call("PATCH", f"labs/{lab}", json={"owner": user["id"]})
    assert "pool" in cml.refused("PUT", f"labs/{lab}/start", 400)
    cml.boot(of_admin)


def test_an_unknown_definition_is_imported_with_a_warning_and_cannot_start(cml: Cml) -> None:
    answer = cml.call("POST", "import", content=topology({"x": "no-such-device"})).json()
    assert "no-such-device" in " ".join(answer["warnings"])
    assert "no-such-device" in cml.refused("PUT", f"labs/{answer['id']}/start", 400)


def test_what_is_gone_is_named(cml: Cml) -> None:
    lab = cml.load(hosts(1))
    for path, said in (
        (f"labs/{GONE}", f"Lab not found: {GONE}"),
        (f"labs/{lab}/nodes/{GONE}", f"Node not found: {GONE}"),
        (f"labs/{lab}/interfaces/{GONE}", f"Interface not found: {GONE}"),
        (f"labs/{lab}/links/{GONE}", f"Link not found: {GONE}"),
        (f"users/{GONE}", f"User does not exist: {GONE}."),
        ("users/nobody/id", "User does not exist: nobody."),
        ("groups/nobody/id", "Group does not exist: nobody."),
    ):
        assert said in cml.refused("GET", path, 404), path
    assert cml.refused("GET", "no/such/route", 404) == "Not Found"


def test_a_body_that_breaks_the_schema_says_where(cml: Cml) -> None:
    said = json.loads(cml.refused("POST", "users", 400, json={"username": "", "password": "x"}))
    first, *_ = said["Input validation failed"]
    assert first["location"] == ["body", "username"]
    assert first["type"] == "string_too_short"
    assert "Input validation failed" in cml.refused("POST", "labs", 400, json={"titel": "typo"})
    cml.refused("GET", "labs/not-a-uuid", 400)
    cml.refused("POST", "import", 400, content="lab: [")


def test_who_is_not_signed_in_is_refused(cml: Cml) -> None:
    cml.refused("POST", "authenticate", 403, json={"username": "admin", "password": "wrong"})
    cml.refused("GET", "labs", 401, headers={"Authorization": "Bearer not.a.token"})
    cml.refused("GET", "labs", 401, headers={"Authorization": ""})
    assert cml.http.get("system_information", headers={"Authorization": ""}).status_code == 200


def test_users_without_rights_are_refused(cml: Cml) -> None:
    cml.call("POST", "users", json={"username": "plain", "password": "secret-1"})
    token = cml.call("POST", "authenticate", json={"username": "plain", "password": "secret-1"}).json()
    mine = {"Authorization": f"Bearer {token}"}
    lab = cml.load(hosts(1))
    assert "Access denied" in cml.refused("POST", "users", 403, headers=mine, json={"username": "x", "password": "y"})
    cml.refused("PUT", "licensing/product_license", 403, headers=mine, json="CML_Personal")
    assert lab not in cml.call("GET", "labs?show_all=true", headers=mine).json()
    assert cml.http.delete(f"labs/{lab}", headers=mine).status_code in {403, 404}


def test_what_runs_cannot_be_wiped_removed_or_rebuilt(cml: Cml) -> None:
    lab = cml.load(hosts(1))
    cml.boot(lab)
    node = cml.node(lab, "h0")["id"]
    assert "must be stopped" in cml.refused("PUT", f"labs/{lab}/wipe", 400)
    assert 400 <= cml.http.delete(f"labs/{lab}").status_code < 500
    assert 400 <= cml.http.delete(f"labs/{lab}/nodes/{node}").status_code < 500
    cml.refused("PATCH", f"labs/{lab}/nodes/{node}", 400, json={"ram": 4096})
    cml.call("PATCH", f"labs/{lab}/nodes/{node}", json={"x": 5, "tags": ["moved"]})
    cml.call("PUT", f"labs/{lab}/start")
    cml.call("PUT", f"labs/{lab}/stop")
    cml.call("PUT", f"labs/{lab}/stop")
    cml.call("PUT", f"labs/{lab}/wipe")
    cml.call("DELETE", f"labs/{lab}")


def test_one_user_name_and_one_label_exist_once(cml: Cml) -> None:
    name = f"twin-{uuid4().hex[:6]}"
    cml.call("POST", "users", json={"username": name, "password": PASSWORD})
    assert 400 <= cml.http.post("users", json={"username": name, "password": PASSWORD}).status_code < 500
    lab = cml.load(hosts(1))
    cml.refused("POST", f"labs/{lab}/nodes", 400, json={"label": "h0", "node_definition": "alpine"})
