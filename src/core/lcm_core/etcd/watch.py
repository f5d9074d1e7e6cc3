"""One watch of one prefix on one gRPC stream.

A stream of its own per watch keeps failures apart: closing the stream cancels the watch, and a broken stream is one
error for one watcher.
"""

import asyncio
from typing import Any

from lcm_core.etcd import _wire as wire
from lcm_core.etcd.errors import EtcdUnavailable, RevisionCompacted, StoreReplaced, WatchSilent
from lcm_core.etcd.model import WatchBatch


class WatchStream:
    """Sends the create request, asks for signs of life, and turns answers into batches or typed errors."""

    def __init__(
        self,
        connection: wire.Connection,
        prefix: str,
        from_revision: int,
        progress_seconds: float,
        silence_seconds: float,
    ) -> None:
        self._prefix = prefix
        self._from_revision = from_revision
        self._progress_seconds = progress_seconds
        self._silence_seconds = silence_seconds
        self._call: Any = connection.watch.Watch()
        self._asker: asyncio.Task[None] | None = None

    async def established(self, timeout: float) -> WatchBatch:
        """Create the watch and wait for etcd's confirmation.

        Raises:
            StoreReplaced: the revision to start from lies in the future; etcd would stay silent on such a watch.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._call.write(wire.watch_create(self._prefix, self._from_revision))
        except wire.RpcError as error:
            raise wire.typed_error(error) from error
        except TimeoutError as error:
            raise EtcdUnavailable(f"watch of {self._prefix}: etcd did not take the request") from error
        answer = await self._read(timeout)
        self._raise_if_canceled(answer)
        if self._from_revision > answer.header.revision + 1:
            raise StoreReplaced(
                f"watch of {self._prefix} asked for revision {self._from_revision}, etcd is at {answer.header.revision}"
            )
        self._asker = asyncio.create_task(self._ask_for_progress(), name=f"watch-progress {self._prefix}")
        return WatchBatch(events=(), revision=answer.header.revision)

    async def check_incarnation(self, *, expected: str, actual: str) -> None:
        """Raise ``StoreReplaced`` when this is another life of the store than the caller's revision is from."""
        if expected != actual:
            raise StoreReplaced(f"watch of {self._prefix}: the store was replaced ({expected} is now {actual})")

    async def next_batch(self) -> WatchBatch:
        """The next message: events, or a sign of life. Raises as ``EtcdStore.watch`` says."""
        answer = await self._read(self._silence_seconds)
        self._raise_if_canceled(answer)
        events = wire.watch_events(answer.events)
        revision = events[-1].item.mod_revision if events else answer.header.revision
        return WatchBatch(events=events, revision=revision)

    async def close(self) -> None:
        """Cancel the watch; safe at any time."""
        if self._asker is not None:
            self._asker.cancel()
            await asyncio.gather(self._asker, return_exceptions=True)
        self._call.cancel()

    async def _read(self, timeout: float) -> Any:
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that arrives together with the answer.
            async with asyncio.timeout(timeout):
                answer = await self._call.read()
        except TimeoutError as error:
            raise WatchSilent(f"watch of {self._prefix}: no sign of life for {timeout:g} s") from error
        except wire.RpcError as error:
            raise wire.typed_error(error) from error
        except asyncio.CancelledError as error:
            # Closing the channel cancels the read from inside gRPC; a cancelled task keeps its cancellation.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise EtcdUnavailable(f"watch of {self._prefix}: the client was closed") from error
        if not hasattr(answer, "header"):  # gRPC's end-of-stream marker
            raise EtcdUnavailable(f"watch of {self._prefix}: etcd closed the stream")
        return answer

    def _raise_if_canceled(self, answer: Any) -> None:
        if answer.compact_revision:
            raise RevisionCompacted(answer.compact_revision)
        if answer.canceled:
            raise EtcdUnavailable(f"watch of {self._prefix} canceled by etcd: {answer.cancel_reason}")

    async def _ask_for_progress(self) -> None:
        """etcd sends progress by itself only every ten minutes, so ask; a failing write shows in the reader too."""
        while True:
            await asyncio.sleep(self._progress_seconds)
            try:
                await self._call.write(wire.watch_progress())
            except wire.RpcError:
                return
