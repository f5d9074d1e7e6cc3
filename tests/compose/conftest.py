"""An engine and every image, once for all tests here; they run only when asked for, as they take minutes."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.engine import ROOT, TOOLS, Engine, EngineMissingError, find_engine
from tests.compose.stack import development


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine. Skips, with the command and its error, where there is none."""
    if not os.environ.get("LCM_TEST_CONTAINERS"):
        pytest.skip("asked for by `make test-compose` only: it builds and runs every image")
    try:
        found = find_engine()
    except EngineMissingError as error:
        pytest.skip(f"no container engine: {error}")
    yield found
    found.close()


@pytest.fixture(scope="session")
def keycloak(engine: Engine) -> Path:
    """Keycloak's distribution, from which its stand-in is built."""
    script = ROOT / "scripts/fetch_keycloak.py"
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=600, check=False)
    if ran.returncode:
        pytest.skip(f"`{script.name}`: {ran.stderr.strip()[-300:]}")
    specification = importlib.util.spec_from_file_location("fetch_keycloak", script)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return TOOLS / "keycloak" / f"keycloak-{module.VERSION}"


@pytest.fixture(scope="session")
def images(engine: Engine, keycloak: Path) -> None:
    """Every image of the project, and the stand-ins for those that cannot be pulled."""
    development(engine, keycloak).build()
