"""The simulated outside world as processes of their own, reached over the wire like the real one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from lcm_simulators.embedded.process import EmbeddedServer

PASSWORD = "fleet-password"


class Simulator(EmbeddedServer):
    """``python -m lcm_simulators.<module>`` with its admin API."""

    def __init__(self, module: str, data_dir: Path, settings: Mapping[str, str]) -> None:
        self._module = module
        environment = {**os.environ, "LCM_SIM_DATA_DIR": str(data_dir), "LCM_SIM_BOOT_SCALE": "0", **settings}
        super().__init__(data_dir, environment=environment)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        """See ``EmbeddedServer``."""
        port = f"LCM_{self._module.upper()}_PORT={self.port}"
        return ["env", port, sys.executable, "-m", f"lcm_simulators.{self._module}"]

    async def healthy(self) -> bool:
        """See ``EmbeddedServer``."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                return (await http.get(f"{self.url}/health")).status_code == 200
        except httpx.TransportError:
            return False

    def admin(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call the admin API."""
        answer = httpx.request(method, f"{self.url}/admin/{path}", json=body, trust_env=False, timeout=10)
        answer.raise_for_status()
        return answer

    def faults(self, *faults: Mapping[str, object]) -> None:
        """Misbehave from now on."""
        self.admin("PUT", "faults", list(faults))

    def calls(self, operation: str) -> list[dict[str, object]]:
        """The journal's entries of one operation."""
        entries: list[dict[str, object]] = self.admin("GET", "journal").json()["entries"]
        return [entry for entry in entries if entry["operation"] == operation]
