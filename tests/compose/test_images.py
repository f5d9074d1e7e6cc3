"""The images: their size, their user, and what the root one does alone."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.compose.engine import Engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("images")]
BASE = "python:3.11-slim-bookworm"
LARGEST_MEGABYTES = {
    "lablet-cloud-manager": 140,
    "lcm/resource-scheduler": 90,
    "lcm/worker-controller": 115,
    "lcm/lablet-controller": 115,
    "lcm/simulators": 400,
}
"""What each image may add to its base."""
START_SECONDS = 60.0
NETWORK = "lcm-test-root-image"


def megabytes(engine: Engine, image: str) -> float:
    return int(engine.docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


@pytest.mark.parametrize("image", LARGEST_MEGABYTES)
def test_an_image_is_small_and_runs_without_root(engine: Engine, image: str) -> None:
    own = megabytes(engine, image) - megabytes(engine, BASE)
    print(f"{image}: {megabytes(engine, image):.0f} MB, {own:.0f} MB without its base")
    assert own < LARGEST_MEGABYTES[image]
    assert engine.docker("image", "inspect", "--format", "{{.Config.User}}", image).strip() == "10001"
    assert engine.docker("image", "inspect", "--format", "{{json .Config.Healthcheck}}", image).strip() != "null"


@pytest.fixture(scope="module")
def alone(engine: Engine) -> Iterator[str]:
    """The root image, run as the documentation says, without any store."""
    engine.docker("network", "create", NETWORK)  # an engine may have no default one
    try:
        command = ("run", "--detach", "--rm", "--network", NETWORK, "--publish", "127.0.0.1::8000")
        container = engine.docker(*command, "lablet-cloud-manager:latest").strip()
        try:
            address = engine.docker("port", container, "8000/tcp").split()[0]
            yield f"http://{address}"
        finally:
            engine.docker("stop", "--time", "20", container)
    finally:
        engine.docker("network", "rm", NETWORK)


def answer(url: str) -> httpx.Response:
    """The first answer of a server that may still be starting."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return httpx.get(url, timeout=10, trust_env=False, follow_redirects=True)
        except httpx.TransportError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)


def test_the_root_image_alone_is_live_and_names_every_store_it_misses(alone: str) -> None:
    assert answer(f"{alone}/health/live").status_code == 200
    told = answer(f"{alone}/health/ready")
    assert told.status_code == 503
    missing = {name for name, said in told.json()["checks"].items() if said != "ok"}
    assert {"database", "etcd", "identity"} <= missing, told.text


def test_the_root_image_alone_serves_the_console(alone: str) -> None:
    page = answer(f"{alone}/")
    assert page.status_code == 200
    assert '<div id="app">' in page.text, page.text
    script = page.text.split('src="')[1].split('"')[0]
    assert answer(f"{alone}{script}").headers["content-type"].startswith(("text/javascript", "application/javascript"))
