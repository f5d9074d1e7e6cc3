"""The compose files name settings, secrets and images that exist."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project.deployed_settings import known_settings

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT = ROOT / "docker-compose.yml"
PRODUCTION = ROOT / "deployment" / "docker-compose" / "docker-compose.prod.yml"
EXAMPLE = PRODUCTION.with_name(".env.prod.example")
SERVICES = ("control-plane-api", "resource-scheduler", "worker-controller", "lablet-controller")
FILES = (DEVELOPMENT, PRODUCTION)


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_services_get_only_settings_that_they_read(path: Path) -> None:
    services = read(path)["services"]
    given = {name for service in SERVICES for name in services[service]["environment"]}
    assert given - known_settings() == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_container_has_a_limit_for_its_logs_and_comes_back(path: Path) -> None:
    for name, service in read(path)["services"].items():
        assert service.get("logging", {}).get("options", {}).get("max-size"), name
        assert service.get("restart") == ("no" if name == "etcd-setup" else "unless-stopped"), name


def test_the_own_services_run_without_rights_in_production() -> None:
    for name in SERVICES:
        service = read(PRODUCTION)["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "USER 10001" in (ROOT / "src" / name / "Dockerfile").read_text(), name


def test_production_has_no_secret_in_its_file_or_example() -> None:
    for path in (PRODUCTION, EXAMPLE):
        suspicious = re.findall(r"^\s*-?\s*\w*(?:PASSWORD|SECRET|TOKEN)\w*[:=]\s*(\S+)", path.read_text(), re.MULTILINE)
        assert [value for value in suspicious if not value.startswith("/run/secrets/")] == []


def test_every_variable_of_the_production_file_is_in_the_example_or_has_a_default() -> None:
    used = dict(re.findall(r"(?<!\$)\$\{(\w+)(:?[-?][^}]*)?\}", PRODUCTION.read_text()))
    example = set(re.findall(r"^(\w+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert {name for name, rest in used.items() if not rest.startswith(":-")} <= example
    assert example <= set(used), "the example names a variable that nothing reads"


def test_every_secret_is_prepared_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/prepare_production.py"), "--folder", str(tmp_path / "secrets")]
    subprocess.run([*command, "--public-url", "https://lcm.example.org"], check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir() if path.is_file()}
    wanted = {entry["file"].rsplit("/", 1)[1] for entry in read(PRODUCTION)["secrets"].values()}
    assert wanted <= set(made)
    subprocess.run([*command, "--public-url", "https://other.example.org"], check=True, capture_output=True)
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir() if path.is_file()}


def test_the_production_realm_has_nothing_of_the_development_realm_that_opens_a_door(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/prepare_production.py"), "--folder", str(tmp_path)]
    subprocess.run([*command, "--public-url", "https://lcm.example.org"], check=True, capture_output=True)
    text = (tmp_path / "realm.json").read_text()
    realm = json.loads(text)
    assert "dev-secret" not in text
    people = [user for user in realm["users"] if "serviceAccountClientId" not in user]
    assert [user["username"] for user in people] == ["admin"]
    assert len(people[0]["credentials"][0]["value"]) == 64
    portal = next(client for client in realm["clients"] if client["clientId"] == "portal-web-app")
    assert portal["redirectUris"] == ["https://lcm.example.org/*"]
    assert not realm["registrationAllowed"]
    assert realm["bruteForceProtected"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_compose_accepts_the_file(path: Path) -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        pytest.skip("docker compose is not on this machine")
    environment = {**os.environ, "LCM_PUBLIC_URL": "http://localhost"}
    ran = subprocess.run(
        ["docker", "compose", "-f", str(path), "config", "--quiet"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
