"""A real Keycloak as an embedded server, for tests that show that the embedded identity provider behaves alike."""

import os
import re
import shutil
import signal
from pathlib import Path

from lcm_simulators.embedded.probes import http_body
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.tools import ToolMissingError, tools_dir

ADVICE = "run `python scripts/fetch_keycloak.py` (it needs Maven and a JDK of 17 or newer)"
OLDEST_JAVA = 17
JAVA_FOLDERS = (Path("/usr/lib/jvm"), Path("/opt"))
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_HEAP = "-Xms64m -Xmx512m"
_QUICK_START = "-XX:TieredStopAtLevel=1"
"""The server lives for a minute: compiling it thoroughly would cost more than it saves."""


def find_keycloak() -> Path:
    """The unpacked distribution that ``scripts/fetch_keycloak.py`` fetched. Raises ``ToolMissingError``."""
    found = sorted((tools_dir() / "keycloak").glob("keycloak-*/bin/kc.sh"))
    if not found:
        raise ToolMissingError(f"Keycloak is not on this machine: {ADVICE}")
    return found[-1].parents[1]


def find_java() -> Path:
    """The newest Java home: ``JAVA_HOME``, else of the usual folders. Raises ``ToolMissingError``."""
    candidates = [home for folder in JAVA_FOLDERS if folder.is_dir() for home in folder.iterdir()]
    if configured := os.environ.get("JAVA_HOME"):
        candidates.append(Path(configured))
    versions = {home: java_version(home) for home in candidates}
    newest = max(versions, key=lambda home: versions[home], default=None)
    if newest is None or versions[newest] < OLDEST_JAVA:
        raise ToolMissingError(f"no Java of {OLDEST_JAVA} or newer is on this machine: {ADVICE}")
    return newest


def java_version(home: Path) -> int:
    """Major version of a Java home; 0 when it is none."""
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.is_file():
        return 0
    match = _VERSION.search(release.read_text(errors="replace"))
    return int(match.group(1)) if match else 0


class KeycloakServer(EmbeddedServer):
    """Keycloak in development mode with its database in memory; it imports ``realm_file`` at each start.

    A first start on a machine takes about a minute, since Keycloak then builds itself; later ones half of that.
    """

    name = "keycloak"
    admin_username = "keycloak-admin"
    admin_password = "keycloak-admin"  # nosec B105 - a server that only a test on this machine reaches

    def __init__(self, data_dir: Path, *, realm: str, realm_file: Path) -> None:
        super().__init__(
            data_dir,
            environment={
                "JAVA_HOME": str(find_java()),
                "JAVA_OPTS_KC_HEAP": _HEAP,
                "JAVA_OPTS_APPEND": _QUICK_START,
                "KC_BOOTSTRAP_ADMIN_USERNAME": self.admin_username,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": self.admin_password,
            },
        )
        self._home = find_keycloak()
        self._realm = realm
        self._realm_file = realm_file

    def command(self) -> list[str]:
        imported = self._home / "data" / "import" / "realm.json"
        imported.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._realm_file, imported)
        return [
            str(self._home / "bin" / "kc.sh"),
            "start-dev",
            "--import-realm",
            "--db=dev-mem",
            "--cache=local",
            "--http-host=127.0.0.1",
            f"--http-port={self.port}",
        ]

    def _signal(self, number: signal.Signals) -> None:
        # The script that starts Java hands on SIGTERM; every other signal must reach both of them.
        if number is signal.SIGTERM:
            super()._signal(number)
        elif self.pid is not None:
            os.killpg(self.pid, number)

    async def healthy(self) -> bool:
        status, _ = await http_body("127.0.0.1", self.port, f"/realms/{self._realm}")
        return status == 200
