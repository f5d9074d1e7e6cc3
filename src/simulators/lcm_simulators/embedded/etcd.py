"""etcd as an embedded server."""

import shutil
from pathlib import Path

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import EmbeddedServer, free_port
from lcm_simulators.embedded.tools import find_program

_QUOTA_BYTES = 2 * 1024**3


class EtcdServer(EmbeddedServer):
    """A single-member etcd.

    ``durable=False`` skips fsync (``--unsafe-no-fsync``): much faster, keeps data over a killed process but not over a
    power cut, so only tests ask for it.
    """

    name = "etcd"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        peer_port: int | None = None,
        durable: bool = True,
        log_file: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port=port, log_file=log_file)
        self._peer_port = peer_port
        self._durable = durable

    @property
    def endpoint(self) -> str:
        """``host:port`` for clients."""
        return self.address

    def choose_ports(self) -> None:
        super().choose_ports()
        self._peer_port = free_port()

    def command(self) -> list[str]:
        if self._peer_port is None:
            self._peer_port = free_port()
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self._peer_port}"
        arguments = {
            "--name": "lcm",
            "--data-dir": str(self.data_dir),
            "--listen-client-urls": client,
            "--advertise-client-urls": client,
            "--listen-peer-urls": peer,
            "--initial-advertise-peer-urls": peer,
            "--initial-cluster": f"lcm={peer}",
            "--auto-compaction-mode": "periodic",
            "--auto-compaction-retention": "10m",
            "--quota-backend-bytes": str(_QUOTA_BYTES),
            # A lone member needs no patience before it elects itself; the defaults cost a second at each restart.
            "--heartbeat-interval": "50",
            "--election-timeout": "500",
            "--log-level": "warn",
        }
        flags = [] if self._durable else ["--unsafe-no-fsync"]
        return [str(find_program("etcd", "etcd")), *(part for pair in arguments.items() for part in pair), *flags]

    async def healthy(self) -> bool:
        status, body = await http_body("127.0.0.1", self.port, "/health")
        return status == 200 and b"true" in body

    async def wipe(self) -> None:
        """Lose everything: stop, delete the data, start again on the same port (revisions start over)."""
        await self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        await self.start()
