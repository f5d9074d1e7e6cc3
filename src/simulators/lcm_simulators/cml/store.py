"""Storage: one file per controller and one per lab.

Changes made by a request are written before it is answered (`flush`); those made by time or typed at a console follow
within half a second. Transitions of booting nodes are part of the stored boot plan, so they cause no writing.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from lcm_simulators.cml.config import ControllerConfig
from lcm_simulators.cml.controller_state import ControllerState
from lcm_simulators.cml.license_server import LicenseServer, LicenseServerSettings, Registration
from lcm_simulators.cml.model import Lab
from lcm_simulators.cml.restore import from_json, lab_from_json

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

log = logging.getLogger(__name__)
WRITE_SECONDS = 0.5
_OPTIONS = orjson.OPT_NON_STR_KEYS


class Store:
    """The data folder. `mark_*` is cheap and may be called for every change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "controllers"
        self._licenses = folder / "licenses.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._dirty_controllers: dict[str, Controller] = {}
        self._dirty_labs: dict[tuple[str, str], Controller] = {}
        self._license_server: LicenseServer | None = None
        self._wake = asyncio.Event()

    def mark_controller(self, controller: Controller) -> None:
        """The controller's own file is out of date (and the license server's with it)."""
        self._dirty_controllers[controller.instance_id] = controller
        self._license_server = controller.world.license_server
        self._wake.set()

    def mark_lab(self, controller: Controller, lab_id: str) -> None:
        """A lab's file is out of date, or the lab is gone."""
        self._dirty_labs[controller.instance_id, lab_id] = controller
        self._wake.set()

    def mark_licenses(self, server: LicenseServer) -> None:
        """The license server's file is out of date."""
        self._license_server = server
        self._wake.set()

    def remove(self, instance_id: str) -> None:
        """Delete everything of a controller."""
        self._dirty_controllers.pop(instance_id, None)
        for key in [key for key in self._dirty_labs if key[0] == instance_id]:
            del self._dirty_labs[key]
        shutil.rmtree(self._folder / instance_id, ignore_errors=True)

    async def run(self) -> None:
        """Write changes until cancelled; slow disks stretch the interval instead of filling it."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            started = time.monotonic()
            try:
                await self._flush_in_slices()
            except OSError as error:
                log.error("cannot write %s: %s; trying again", self._folder, error)
                self._wake.set()
            await asyncio.sleep(max(WRITE_SECONDS, 3 * (time.monotonic() - started)))

    async def _flush_in_slices(self) -> None:
        while self._dirty_controllers or self._dirty_labs or self._license_server:
            self._write_one()
            await asyncio.sleep(0)

    def flush(self) -> None:
        """Write everything now."""
        while self._dirty_controllers or self._dirty_labs or self._license_server:
            self._write_one()

    def _write_one(self) -> None:
        if self._license_server is not None:
            server = self._license_server
            body = {"settings": server.settings.model_dump(), "registrations": list(server.registrations.values())}
            _replace(self._licenses, orjson.dumps(body))
            self._license_server = None
        elif self._dirty_controllers:
            instance_id, controller = next(iter(self._dirty_controllers.items()))
            document: dict[str, object] = {
                "config": controller.config.model_dump(mode="json"),
                "port": controller.port,
                "state": controller.state,
            }
            _replace(self._folder / instance_id / "controller.json", orjson.dumps(document, option=_OPTIONS))
            del self._dirty_controllers[instance_id]
        else:
            (instance_id, lab_id), controller = next(iter(self._dirty_labs.items()))
            file = self._folder / instance_id / "labs" / f"{lab_id}.json"
            lab = controller.labs.get(lab_id)
            if lab is None:
                file.unlink(missing_ok=True)
            else:
                _replace(file, orjson.dumps(lab, option=_OPTIONS))
            del self._dirty_labs[instance_id, lab_id]

    def load_licenses(self, server: LicenseServer) -> None:
        """Fill the license server."""
        if not self._licenses.exists():
            return
        body = orjson.loads(self._licenses.read_bytes())
        server.settings = LicenseServerSettings.model_validate(body["settings"])
        for entry in body["registrations"]:
            registration = from_json(Registration, entry)
            server.registrations[registration.udi] = registration

    def load(self) -> list[tuple[str, ControllerConfig, int, ControllerState, list[Lab]]]:
        """Every stored controller: id, configuration, port, state, labs."""
        found = []
        for file in sorted(self._folder.glob("*/controller.json")):
            body = orjson.loads(file.read_bytes())
            config = ControllerConfig.model_validate(body["config"])
            state = from_json(ControllerState, body["state"])
            labs = [lab_from_json(lab.read_bytes()) for lab in sorted(file.parent.glob("labs/*.json"))]
            labs.sort(key=lambda lab: lab.created)
            found.append((file.parent.name, config, int(body["port"]), state, labs))
        return found


def _replace(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(content)
    part.replace(file)
