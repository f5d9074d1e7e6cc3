#!/usr/bin/env python3
"""Put a real Keycloak into ``.tools/keycloak``, for the tests that compare the embedded identity provider with it.

It comes from Maven's central repository through ``mvn``, which checks what it downloads. Uses the standard library
only.

Usage: ``python scripts/fetch_keycloak.py``
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
PROGRAMS = ("kc.sh",)


def tools_dir() -> Path:
    """Folder of the tools: ``LCM_TOOLS_DIR``, else ``.tools`` beside this repository's sources."""
    return Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")


def fetch(folder: Path) -> Path:
    """Download the distribution into ``folder`` and return its path. Raises ``CalledProcessError``."""
    maven = ["mvn", "--batch-mode", "--quiet"]
    subprocess.run([*maven, f"{PLUGIN}:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"], check=True)
    subprocess.run([*maven, f"{PLUGIN}:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"], check=True)
    return folder / f"keycloak-quarkus-dist-{VERSION}.zip"


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into ``folder``; the scripts become executable."""
    with zipfile.ZipFile(archive) as distribution:
        distribution.extractall(folder)
    for program in PROGRAMS:
        (folder / f"keycloak-{VERSION}" / "bin" / program).chmod(0o755)


def main() -> int:
    """Fetch Keycloak unless it is there."""
    target = tools_dir() / "keycloak"
    if (target / f"keycloak-{VERSION}" / "bin" / "kc.sh").exists():
        print(f"Keycloak {VERSION} is in {target}")
        return 0
    if shutil.which("mvn") is None:
        print("Maven (mvn) is needed to fetch Keycloak and is not on PATH", file=sys.stderr)
        return 1
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        try:
            unpack(fetch(Path(scratch)), Path(scratch) / "unpacked")
        except subprocess.CalledProcessError as error:
            print(f"Maven could not fetch {ARTIFACT} (exit status {error.returncode})", file=sys.stderr)
            return 1
        # Moved as a whole, so that an interrupted run leaves nothing that looks complete.
        (Path(scratch) / "unpacked" / f"keycloak-{VERSION}").rename(target / f"keycloak-{VERSION}")
    print(f"Keycloak {VERSION} is now in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
