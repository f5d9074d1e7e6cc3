"""What the machine itself does to the platform: its disk is full, its clock jumps by an hour, its Redis forgets."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from lcm_core.clock import ClockAnchor
from lcm_simulators.embedded.redis import RedisServer, redis_program

STORES = ("etcd", "database")
DISK_BYTES = 768 * 1024 * 1024
"""etcd allocates its log in advance; beside it there is room for some hundred runs."""
JUMP = timedelta(hours=1)


class SmallDisk:
    """A disk of its own for the data of the stores, where the machine lets this user mount one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filling = folder / "filling"
        self.mounted = False

    def prepare(self, data_dir: Path) -> None:
        """Mount it and let the stores' folders of a world, which does not run yet, be on it."""
        self._folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self._folder)]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            return
        self.mounted = True
        data_dir.mkdir(parents=True, exist_ok=True)
        for name in STORES:
            (self._folder / name).mkdir()
            (data_dir / name).symlink_to(self._folder / name)

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filling.open("wb") as file, suppress(OSError):
            while free := shutil.disk_usage(self._folder).free:
                os.posix_fallocate(file.fileno(), file.tell(), free)
                file.seek(0, os.SEEK_END)

    def free(self) -> None:
        """Give back what was filled."""
        self._filling.unlink(missing_ok=True)

    def unmount(self) -> None:
        """After the stores have stopped."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._folder)], check=True)
            self.mounted = False


class BrowserSessions:
    """The Redis in which both planes keep the sessions of browsers; absent where the machine has none."""

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer(folder) if redis_program() is not None else None

    @property
    def settings(self) -> dict[str, str]:
        """What the planes must be told."""
        return {} if self._server is None else {"REDIS_ENABLED": "true", "REDIS_URL": self._server.url}

    @property
    def present(self) -> bool:
        """Whether there is a Redis."""
        return self._server is not None

    async def start(self) -> None:
        """Start it, or start it again."""
        if self._server is not None:
            await self._server.start()

    async def stop(self) -> None:
        """Stop it."""
        if self._server is not None:
            await self._server.stop()

    def kill(self) -> None:
        """As a crash would."""
        if self._server is not None:
            self._server.kill()

    async def flush(self) -> None:
        """Forget every session."""
        if self._server is not None:
            with suppress(RedisError):
                async with Redis.from_url(self._server.url) as client:
                    await client.flushall()


class Machine:
    """All of it together."""

    def __init__(self, folder: Path) -> None:
        self.disk = SmallDisk(folder / "small-disk")
        self.sessions = BrowserSessions(folder / "redis")

    async def fill_disk(self, seconds: float) -> None:
        """Let nothing be written for so long."""
        await asyncio.to_thread(self.disk.fill)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.disk.free()

    async def kill_redis(self, seconds: float) -> None:
        """Let nobody find his session for so long."""
        self.sessions.kill()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.sessions.start()


def jump_clock(path: Path, *, forward: bool) -> None:
    """Set the clock that all services and simulators share; each notices by itself, within a second."""
    anchor = ClockAnchor.read(path)
    there = anchor.domain_anchor + (JUMP if forward else -JUMP)
    ClockAnchor(anchor.real_anchor, there, anchor.factor).write(path)


@asynccontextmanager
async def machine_in(folder: Path, data_dir: Path) -> AsyncIterator[Machine]:
    """A machine for a world whose data will be in ``data_dir``."""
    machine = Machine(folder)
    machine.disk.prepare(data_dir)
    try:
        await machine.sessions.start()
        yield machine
    finally:
        await machine.sessions.stop()
        machine.disk.unmount()
