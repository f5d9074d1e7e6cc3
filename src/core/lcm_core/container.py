"""Entry point of every image: ``python -m lcm_core.container MODULE`` runs the service ``MODULE``.

Secrets may come as files: ``NAME_FILE`` names a file whose content becomes the setting ``NAME``, as Compose and
Kubernetes mount them. With ``LCM_RELOAD=true`` (development) the service is run as a child and started again whenever a
source file of the packages changes.
"""

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

SUFFIX = "_FILE"
POLL_SECONDS = 0.5
SECRETS = (
    "JWT_SECRET_KEY",
    "KEYCLOAK_CLIENT_SECRET",
    "LCM_CLIENT_SECRET",
    "LCM_CLOUDEVENTS_SECRET",
    "LCM_CML_LICENSE_TOKEN",
    "LCM_CML_PASSWORD",
    "LCM_ENVELOPE_KEY",
    "LCM_ETCD_PASSWORD",
    "LCM_GRADING_TOKEN",
    "LCM_LDS_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "MONGODB_URI",
    "REDIS_URL",
)
"""The settings that may come as files; another program's ``…_FILE`` variable is none of ours."""


class SecretFileError(RuntimeError):
    """A secret file cannot be read or is given twice; the message says which setting."""


def secrets_from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that ``NAME_FILE`` variables stand for. Raises ``SecretFileError``."""
    found: dict[str, str] = {}
    for name in SECRETS:
        variable = name + SUFFIX
        path = environment.get(variable)
        if not path:
            continue
        if environment.get(name):
            raise SecretFileError(f"set either {name} or {variable}, not both")
        try:
            found[name] = Path(path).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise SecretFileError(f"{variable}: {path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SecretFileError(f"{variable}: {path} is not UTF-8 text") from error
    return found


def newest_change(folders: list[Path]) -> float:
    """When a Python file below the folders was last written, in seconds since the epoch."""
    return max((file.stat().st_mtime for folder in folders for file in folder.rglob("*.py")), default=0.0)


def run_and_reload(module: str) -> int:
    """Run the module as a child, again after each change of its sources; the child's exit status after a stop."""
    site = Path(__file__).parents[1]
    folders = [Path(__file__).parent, site / module]
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while True:
        seen = newest_change(folders)
        child = subprocess.Popen([sys.executable, "-m", module])
        while not stopping and newest_change(folders) == seen:
            time.sleep(POLL_SECONDS)
        child.terminate()
        status = child.wait()
        if stopping:
            return max(status, 0)
        print(f"{module}: sources changed, starting again", flush=True)


def main(arguments: list[str]) -> int:
    """Run the service; 2 with a sentence when it cannot be started as asked."""
    if len(arguments) != 1:
        print("usage: python -m lcm_core.container MODULE", file=sys.stderr)
        return 2
    try:
        os.environ.update(secrets_from_files(os.environ))
    except SecretFileError as error:
        print(error, file=sys.stderr)
        return 2
    module = arguments[0]
    if os.environ.get("LCM_RELOAD") == "true":
        return run_and_reload(module)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
