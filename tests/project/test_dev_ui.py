"""The console's development server starts and serves the page."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lcm_simulators.embedded import free_port

FRONTEND = Path(__file__).resolve().parents[2] / "src/control-plane-api/frontend"
START_SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[str]:
    """What `make dev-ui` starts, at a free port."""
    npm = shutil.which("npm")
    if npm is None or not (FRONTEND / "node_modules/.bin/vite").exists():
        pytest.skip("the console's packages are not installed: make install-ui")
    port = free_port()
    command = [npm, "run", "--silent", "dev", "--", "--port", str(port), "--strictPort", "--host", "127.0.0.1"]
    process = subprocess.Popen(command, cwd=FRONTEND, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def test_the_development_server_serves_the_console(server: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            page = httpx.get(f"{server}/", timeout=10, trust_env=False)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.1)
    assert page.status_code == 200
    assert '<div id="app">' in page.text
    assert "/@vite/client" in page.text, "it reloads on changes"
