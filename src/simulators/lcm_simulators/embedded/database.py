"""The embedded MongoDB-compatible database as a server process."""

from pathlib import Path

from lcm_simulators.embedded.probes import mongo_hello
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.tools import find_program


class DatabaseServer(EmbeddedServer):
    """SecantusDB's Rust server (``secantusd-rs``), reached over the MongoDB wire protocol.

    ``durable=False`` leaves out ``--sync-on-commit``: acknowledged writes may then be lost when the process is killed
    (measured), so only tests that never kill it ask for that. Without ``--log-file-max`` the server allocates 2 GB.
    """

    name = "database"

    def __init__(
        self, data_dir: Path, *, port: int | None = None, durable: bool = True, log_file: Path | None = None
    ) -> None:
        super().__init__(data_dir, port=port, log_file=log_file)
        self._durable = durable

    @property
    def uri(self) -> str:
        """Connection string for the driver."""
        return f"mongodb://{self.address}/?directConnection=true"

    def command(self) -> list[str]:
        arguments = {
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--storage-path": str(self.data_dir),
            "--log-file-max": "32MB",
            "--cache-size": "256M",
            "--log-level": "WARNING",
        }
        flags = ["--sync-on-commit"] if self._durable else []
        program = str(find_program("secantus", "secantusd-rs"))
        return [program, *(part for pair in arguments.items() for part in pair), *flags]

    def beyond_help(self) -> str:
        """After a panic of its storage engine it greets and refuses everything else; mongod would end itself."""
        panicked = b"WT_PANIC" in self._log_news()
        return "its storage engine has panicked, as it does on a full disk" if panicked else ""

    async def healthy(self) -> bool:
        return await mongo_hello("127.0.0.1", self.port)
