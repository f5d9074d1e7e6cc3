"""What the tests of one folder have started rests while those of another run, and ends in order."""

import subprocess
import sys
from pathlib import Path

CONFTEST = """
import os, subprocess, sys
import psutil, pytest

@pytest.fixture(scope="session")
def server():
    program = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    os.environ["SERVER"] = str(process.pid)
    yield process
    process.terminate()
    assert process.wait(10) == 7, "it did not end by itself"
"""
FIRST = """
import psutil

def test_it_runs(server):
    assert psutil.Process(server.pid).status() != psutil.STATUS_STOPPED
"""
# A process reports that it is stopped once it was given the processor to take the signal, not when it was sent.
SECOND = """
import os, time, psutil

def test_it_rests():
    server, deadline = psutil.Process(int(os.environ["SERVER"])), time.monotonic() + 30
    while server.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline, server.status()
        time.sleep(0.01)
"""


def test_a_folders_servers_rest_while_others_are_tested_and_go_on_to_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    order = [("a", "first", FIRST), ("b", "second", SECOND), ("a", "third", FIRST), ("c", "fourth", SECOND)]
    files = []
    for folder, name, content in order:
        file = tmp_path / folder / f"test_{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        files.append(str(file))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "lcm_simulators.embedded.pytest_plugin", *files]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
