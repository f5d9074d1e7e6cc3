"""The order of a test run, and rest for servers whose tests are over.

Platforms that the tests of a folder share cost a tenth of a processor even when nobody asks them anything, and live
until the run ends. Files therefore come folder by folder, the long ones first, and when a folder is done its processes
are suspended. They go on when somebody comes back to the folder, and before the run ends, to be stopped as usual.
``LCM_TEST_REST=0`` keeps them running.
"""

import os
import signal
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lcm_simulators.embedded.process import EmbeddedServer

SHARED: set[int] = set()
"""Process ids of the servers that tests of every folder use; these never rest."""
FIRST = ("tests/system", "tests/project", "tests/browser", "src/lablet-controller", "src/worker-controller")
"""Folders whose tests run for long come first, so that one of them is not what the end of a run waits for."""


class Order:
    """Puts the files of a run in order."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Folder by folder, those with long tests first, and so in each folder; the order in a file stays."""
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))

        def place(item: pytest.Item) -> tuple[int, Path, int, Path]:
            folder = item.path.parent
            relative = folder.relative_to(config.rootpath).as_posix() if folder.is_relative_to(config.rootpath) else ""
            rank = next((at for at, name in enumerate(FIRST) if relative.startswith(name)), len(FIRST))
            return rank, folder, -slow[item.path], item.path

        items.sort(key=place)


class Resting:
    """Suspends and resumes the processes that this test process has started, by the folder of the tests."""

    def __init__(self) -> None:
        self._resting: dict[Path, list[psutil.Process]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Whoever comes back to a folder finds its servers running."""
        self.resume(item.path.parent)
        yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
        """Suspend what is left when a folder is done; at the end of the run everything goes on, to be stopped."""
        if nextitem is None:
            for folder in list(self._resting):
                self.resume(folder)
        yield
        if nextitem is not None and nextitem.path.parent != item.path.parent:
            self.suspend(item.path.parent)

    def suspend(self, folder: Path) -> None:
        """Let every process rest that is still there and belongs to nobody else."""
        known = {process.pid for processes in self._resting.values() for process in processes}
        spared = SHARED | known
        warm = EmbeddedServer.warm_starts
        launchers = warm.launcher_pids() if warm is not None else set()
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                family = {process.pid, *(parent.pid for parent in process.parents())}
                if not family & spared and process.pid not in launchers:
                    process.send_signal(signal.SIGSTOP)
                    self._resting.setdefault(folder, []).append(process)

    def resume(self, folder: Path) -> None:
        """Let the processes of a folder go on, parents last: they find their children running."""
        for process in reversed(self._resting.pop(folder, [])):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def wanted() -> bool:
    """Whether servers may rest: where processes can be suspended, unless ``LCM_TEST_REST=0`` says no."""
    return os.environ.get("LCM_TEST_REST") != "0" and hasattr(signal, "SIGSTOP")
