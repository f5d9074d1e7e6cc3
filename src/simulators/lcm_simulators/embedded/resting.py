"""Servers of a folder's tests rest while the tests of other folders run.

A platform that a folder's tests share costs a tenth of a processor even when nobody asks it anything, and it lives
until the run ends: towards the end of a run several of them would take half the machine. Their processes are suspended
when the last test of their folder is over, and go on before they are stopped or used again.
"""

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

SHARED: set[int] = set()
"""Process ids of the servers that tests of every folder use; these never rest."""


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
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                family = {process.pid, *(parent.pid for parent in process.parents())}
                if not family & (SHARED | known):
                    process.send_signal(signal.SIGSTOP)
                    self._resting.setdefault(folder, []).append(process)

    def resume(self, folder: Path) -> None:
        """Let the processes of a folder go on."""
        for process in reversed(self._resting.pop(folder, [])):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def wanted() -> bool:
    """Whether servers may rest; ``LCM_TEST_REST=0`` keeps them running, for whoever looks into one while tests run."""
    return os.environ.get("LCM_TEST_REST") != "0" and hasattr(signal, "SIGSTOP")
