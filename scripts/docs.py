#!/usr/bin/env python3
"""Serve or build the documentation site: ``python scripts/docs.py serve|build``."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_PORT, LAST_PORT = 8000, 8099


def next_free_port() -> int:
    """First free loopback port from 8000 up, so that the site can be read beside a running platform."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    sys.exit(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def main() -> int:
    """Run MkDocs; 1 with a message when it is not installed."""
    if importlib.util.find_spec("mkdocs") is None:
        print("the documentation tools are not installed: run `make docs-install`", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["serve"]:
        command = ["serve", "--dev-addr", f"127.0.0.1:{next_free_port()}"]
    else:
        command = ["build", "--strict", "--quiet"]
    return subprocess.run([sys.executable, "-m", "mkdocs", *command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
