"""Small files that the supervisor keeps in the data folder: development secrets, the domain clock, who runs."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

MAX_LIVE_FACTOR = 60.0
_GENERATED = (
    "JWT_SECRET_KEY",
    "LCM_CLOUDEVENTS_SECRET",
    "LCM_LDS_PASSWORD",
    "LCM_GRADING_TOKEN",
    "LCM_CML_PASSWORD",
    "LCM_CML_LICENSE_TOKEN",
)


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file so that a reader sees the old or the new content, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.touch(mode=mode)
    temporary.write_text(text)
    temporary.replace(path)


def development_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of this data folder, made at the first start and kept (mode 0600) ever after."""
    values: dict[str, str] = {}
    if path.exists():
        values = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    # Hexadecimal, because CML takes no other sign than letters, digits and a few in a license token.
    missing = {name: secrets.token_hex(32) for name in _GENERATED if name not in values}
    if "LCM_ENVELOPE_KEY" not in values:
        missing["LCM_ENVELOPE_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    if missing:
        values.update(missing)
        write_atomically(path, "".join(f"{name}={value}\n" for name, value in values.items()), mode=0o600)
    return values


def keep_clock(path: Path, factor: float | None) -> float:
    """Write the domain clock's anchor if it is new or its factor changes, and return the factor in force.

    Domain time never jumps: a new factor starts at the instant the old one had reached. None keeps the stored factor
    (1 at first). Raises ``ValueError`` for a factor that is not positive.
    """
    now = datetime.now(UTC)
    domain, current = now, 1.0
    if path.exists():
        stored = json.loads(path.read_text())
        current = float(stored["factor"])
        elapsed = (now - datetime.fromisoformat(stored["real_anchor"])).total_seconds()
        domain = datetime.fromisoformat(stored["domain_anchor"]) + timedelta(seconds=max(0.0, elapsed) * current)
        if factor is None or factor == current:
            return current
    wanted = current if factor is None else factor
    if wanted <= 0:
        raise ValueError(f"LCM_CLOCK_FACTOR={wanted:g}: domain time must move forward, so the factor must be positive")
    anchor = {"real_anchor": now.isoformat(), "domain_anchor": domain.isoformat(), "factor": wanted}
    write_atomically(path, json.dumps(anchor))
    return wanted


@dataclass(frozen=True)
class RunningProcess:
    """A process as recorded: a pid may be given to a stranger later, so its start time is kept beside it."""

    pid: int
    created: float
    port: int = 0
    url: str = ""
    health_path: str = ""
    log: str = ""
    restarts: int = 0

    @classmethod
    def of(
        cls, pid: int, *, port: int = 0, url: str = "", health_path: str = "", log: str = "", restarts: int = 0
    ) -> "RunningProcess":
        """Describe a living process. Raises ``psutil.NoSuchProcess``."""
        return cls(pid, psutil.Process(pid).create_time(), port, url, health_path, log, restarts)

    def find(self) -> psutil.Process | None:
        """The living process, None when it is gone or its pid belongs to another."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


@dataclass(frozen=True)
class Roster:
    """Who runs: the supervisor and its processes, kept in ``pids.json``."""

    supervisor: RunningProcess
    ready: bool = False
    processes: Mapping[str, RunningProcess] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Store the roster."""
        write_atomically(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "Roster | None":
        """Load the roster; None when there is none."""
        try:
            stored = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        processes = {name: RunningProcess(**process) for name, process in stored["processes"].items()}
        return cls(RunningProcess(**stored["supervisor"]), bool(stored["ready"]), processes)
