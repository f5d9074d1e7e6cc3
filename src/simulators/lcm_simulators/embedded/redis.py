"""Redis as an embedded server, where the machine has one."""

import contextlib
import os
import shutil
import socket
from pathlib import Path

from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.tools import tools_dir


def redis_program() -> Path | None:
    """The server's program, from the machine or from ``make check-tools``; None where neither has it."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), str(tools_dir() / "bin")])
    found = shutil.which("redis-server", path=folders)
    return Path(found) if found else None


class RedisServer(EmbeddedServer):
    """A Redis that keeps what it acknowledged over a killed process."""

    name = "redis"

    @property
    def url(self) -> str:
        """Address for clients, with the first database."""
        return f"redis://{self.address}/0"

    def command(self) -> list[str]:
        """See ``EmbeddedServer``."""
        options = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        return [
            str(redis_program() or "redis-server"),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.data_dir)),
            *options,
        ]

    async def healthy(self) -> bool:
        """See ``EmbeddedServer``."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False
