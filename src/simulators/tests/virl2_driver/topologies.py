"""Import, start, export and import again of whole topologies."""

from __future__ import annotations

from pathlib import Path

from recorder import Recorder
from virl2_client import ClientLibrary


def run(record: Recorder, client: ClientLibrary, folder: Path, files: list[str]) -> None:
    """One outcome per file; the two exports of each are left in `folder` for the test to compare."""
    for name in files:
        record.do(Path(name).name, lambda name=name: _round_trip(client, folder, Path(name)))


def _round_trip(client: ClientLibrary, folder: Path, file: Path) -> None:
    lab = client.import_lab(file.read_text(encoding="utf-8"))
    lab.wait_time = 0.05
    lab.start(wait=True)
    lab.sync_states()
    states = {node.label: node._state for node in lab._nodes.values()}
    if set(states.values()) - {"BOOTED"}:
        raise AssertionError(f"not booted: {states}")
    first = lab.download()
    lab.stop(wait=True)
    lab.wipe(wait=True)
    again = client.import_lab(first)
    (folder / f"{file.stem}.first.yaml").write_text(first, encoding="utf-8")
    (folder / f"{file.stem}.second.yaml").write_text(again.download(), encoding="utf-8")
    lab.remove()
    again.remove()
