"""An etcd process under the control of a test."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


def find_etcd() -> str:
    """Path of the etcd binary; skips the test when there is none."""
    candidates = [os.environ.get("LCM_ETCD_BINARY", ""), *map(str, sorted((REPOSITORY / ".tools").glob("**/etcd")))]
    for candidate in candidates:
        if candidate and Path(candidate).is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which("etcd")
    if found is None:
        pytest.skip("no etcd binary: run scripts/bootstrap_tools.py or set LCM_ETCD_BINARY")
    return found


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EtcdProcess:
    """One etcd member on ephemeral ports."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._client, self._peer = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self._client}"

    def start(self) -> None:
        """Start and wait until healthy."""
        client, peer = f"http://127.0.0.1:{self._client}", f"http://127.0.0.1:{self._peer}"
        self._process = subprocess.Popen(
            [
                self._binary,
                *("--name", "test", "--data-dir", str(self._folder), "--log-level", "panic", "--unsafe-no-fsync"),
                *("--listen-client-urls", client, "--advertise-client-urls", client),
                *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                *("--initial-cluster", f"test={peer}", "--heartbeat-interval", "50", "--election-timeout", "500"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"{client}/health", timeout=1) as answer:
                    if b"true" in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            assert time.monotonic() < deadline, "etcd did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL and reap."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    stop = kill

    def pause(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Kill, lose everything, start as a new store at the same address."""
        self.kill()
        shutil.rmtree(self._folder)
        self.start()
