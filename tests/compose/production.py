"""The production stack with the simulated world in the place of AWS, CML, LDS and grading."""

import json
import subprocess
import sys
from pathlib import Path

import httpx

from tests.compose.engine import ROOT, Engine
from tests.compose.stack import Stack, volumes

FOLDER = ROOT / "deployment" / "docker-compose"
PROJECT = "lcm-test-production"
STORES = ("mongodb", "etcd", "redis", "keycloak")
"""The volumes that hold the platform's own state."""


def _secrets(folder: Path, url: str) -> None:
    """The secrets as an operator would have them: some of others, the rest made by the project's script."""
    folder.mkdir(mode=0o700)
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        (folder / name).write_text("testing")
    for name in ("lds_password", "grading_token", "cml_license_token"):
        (folder / name).write_text(f"given-{name.replace('_', '-')}")
    password = "a-password-of-the-tests"
    (folder / "mongodb_password").write_text(password)
    # The stand-in is no replica set.
    uri = f"mongodb://root:{password}@mongodb:27017/?directConnection=true&authSource=admin"
    (folder / "mongodb_uri").write_text(uri)
    script = [sys.executable, str(ROOT / "scripts/prepare_production.py"), "--folder", str(folder), "--public-url", url]
    subprocess.run(script, check=True, capture_output=True)


def _environment_file(folder: Path, changes: dict[str, str]) -> Path:
    """``.env.prod`` as the documentation says to make it: the example with some lines changed."""
    lines = (FOLDER / ".env.prod.example").read_text().splitlines()
    kept = [line for line in lines if line.partition("=")[0] not in changes]
    file = folder / ".env.prod"
    file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in changes.items())]) + "\n")
    return file


def production(engine: Engine, keycloak: Path, folder: Path, ports: tuple[int, int]) -> Stack:
    """The stack, listening at two ports of this machine for HTTP and HTTPS."""
    url = f"http://localhost:{ports[0]}"
    secrets = folder / "secrets"
    _secrets(secrets, url)
    changes = {
        "LCM_PUBLIC_URL": url,
        "LCM_HTTP_PORT": str(ports[0]),
        "LCM_HTTPS_PORT": str(ports[1]),
        "LCM_TLS_FOLDER": str(secrets / "tls"),
        # The second controllers are services of their own, see production.yml.
        "LCM_CONTROLLERS": "1",
    }
    settings = {
        "CONTEXT": str(ROOT),
        "KEYCLOAK_HOME": str(keycloak),
        "LCM_SECRETS_FOLDER": str(secrets),
        **{f"TEST_{name.upper()}": (secrets / name).read_text() for name in ("lds_password", "grading_token")},
        **{f"TEST_{name.upper()}": (secrets / name).read_text() for name in ("cloudevents_secret", "cml_password")},
    }
    files = [FOLDER / "docker-compose.prod.yml", ROOT / "tests/compose/production.yml"]
    environment = _environment_file(folder, changes)
    return Stack(engine, PROJECT, files, settings, environment, volumes_before=volumes(engine))


def secret(stack: Stack, name: str) -> str:
    """The content of a secret."""
    return (Path(stack.settings["LCM_SECRETS_FOLDER"]) / name).read_text()


def _scripted(stack: Stack, script: str, *arguments: str) -> str:
    """What a script of the production folder says; it gets the compose command with the stand-ins."""
    given = {**stack.settings, "COMPOSE": " ".join(stack.command)}
    return stack.engine.run(str(FOLDER / script), *arguments, limit=600, given=given)


def back_up(stack: Stack, folder: Path) -> str:
    """Back the running stack up; the backup's name without its endings."""
    return _scripted(stack, "backup.sh", str(folder)).splitlines()[-1]


def restore(stack: Stack, backup: str) -> None:
    """Bring the stack back to a backup."""
    _scripted(stack, "restore.sh", backup)


async def make_person(stack: Stack, url: str, username: str) -> str:
    """Make somebody in Keycloak as its administrator does; the new password."""
    password = "only-in-the-backup"
    realm = f"{url}/auth/admin/realms/lablet-cloud-manager"
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        credentials = {"username": "admin", "password": secret(stack, "keycloak_admin_password")}
        token = await http.post(
            f"{url}/auth/realms/master/protocol/openid-connect/token",
            data={"grant_type": "password", "client_id": "admin-cli", **credentials},
        )
        body = {
            "username": username,
            "enabled": True,
            "email": f"{username}@lcm.invalid",
            "emailVerified": True,
            "firstName": "Made",
            "lastName": "Later",
            "credentials": [{"type": "password", "value": password}],
        }
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        made = await http.post(f"{realm}/users", json=body, headers=headers)
        assert made.status_code == 201, made.text
    return password


def running_labs(stack: Stack) -> dict[str, int]:
    """Running labs of each simulated CML that is ready."""
    code = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8042/admin/controllers').read().decode())"
    told = json.loads(stack.inside("world", code))
    return {each["instance_id"]: each["load"]["running_labs"] for each in told if each["ready"]}


async def delivered(stack: Stack, session_ids: list[str]) -> list[list[str]]:
    """States of the delivery system's sessions of each of ours."""
    auth = httpx.BasicAuth("lcm", secret(stack, "lds_password"))
    async with httpx.AsyncClient(base_url="http://localhost:8043", auth=auth, trust_env=False) as http:
        answers = [await http.get("/reservations/v3/lab_session", params={"auth_id": each}) for each in session_ids]
    return [[item["state"] for item in answer.json()["items"]] for answer in answers]


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost and its key, as ``tls.crt`` and ``tls.key``; the path of the former."""
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "tls.crt"
