"""`make sim` and `make sim-cml`: each simulator runs by itself, for people and programs outside the platform."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lcm_simulators.embedded.process import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
NAMES = ("ec2", "grading", "identity", "lds", "cml")


@contextmanager
def running(command: list[str], folder: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "LCM_SIM_DATA_DIR": str(folder), **settings}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def when_it_answers(process: subprocess.Popen[str], ask: Callable[[], httpx.Response]) -> httpx.Response:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout and process.stdout.read()
        try:
            return ask()
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"no answer within {START_SECONDS:g} s")


def ends_on_request(process: subprocess.Popen[str]) -> bool:
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    return process.returncode in {0, -signal.SIGTERM}


@pytest.mark.parametrize("name", NAMES)
def test_a_simulator_runs_by_itself(name: str, tmp_path: Path) -> None:
    port = free_port()
    with running([sys.executable, "scripts/simulator.py", name, "--port", str(port)], tmp_path) as process:
        answer = when_it_answers(process, lambda: httpx.get(f"http://127.0.0.1:{port}/health"))
        assert answer.status_code == 200
        assert ends_on_request(process)


def test_an_unknown_simulator_is_refused_with_the_known_ones() -> None:
    refused = subprocess.run(
        [sys.executable, "scripts/simulator.py", "printer"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "lds" in refused.stderr


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [({}, ("admin", "admin")), ({"CML_USER": "mel", "CML_PASSWORD": "s3cret"}, ("mel", "s3cret"))],
)
def test_one_cml_serves_outside_clients_with_tls(
    settings: dict[str, str], credentials: tuple[str, str], tmp_path: Path
) -> None:
    port = free_port()
    url = f"https://127.0.0.1:{port}/api/v0"
    command = [sys.executable, "-m", "lcm_simulators.cml.standalone"]
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    with running(command, tmp_path, PORT=str(port), **settings) as process, httpx.Client(verify=unverified) as client:
        information = when_it_answers(process, lambda: client.get(f"{url}/system_information"))
        assert information.json()["ready"] is True
        username, password = credentials
        token = client.post(f"{url}/authenticate", json={"username": username, "password": password})
        assert token.status_code == 200
        assert client.post(f"{url}/authenticate", json={"username": username, "password": "no"}).status_code == 403
        assert ends_on_request(process)


def test_make_hands_name_and_port_on() -> None:
    def recipe(*arguments: str) -> str:
        made = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return made.stdout

    assert 'scripts/simulator.py "lds" --port 8043' in recipe("sim", "NAME=lds", "PORT=8043")
    assert "PORT=9443 " in recipe("sim-cml", "PORT=9443")
    assert "lcm_simulators.cml.standalone" in recipe("sim-cml")
