"""moto's AWS API as a server process."""

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.tools import find_program


class MotoServer(EmbeddedServer):
    """The AWS API (EC2, CloudWatch, S3) in memory; the EC2 world in front of it supplies time and persistence."""

    name = "moto"

    @property
    def endpoint(self) -> str:
        """Base URL for AWS clients."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return [str(find_program("moto", "moto_server")), "-H", "127.0.0.1", "-p", str(self.port)]

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, "/moto-api/data.json")
        return status == 200
