"""Writes to two sessions with the dispatcher running, and says what was committed, until a failpoint ends it.

Usage: ``python failing_writer.py MONGODB_URI DATABASE ETCD_ENDPOINT WRITES``
"""

import asyncio
import sys

from domain_samples import NOW, a_session

from control_plane_api.application.outbox.dispatcher import Dispatcher
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.infrastructure.mongo.database import connect
from control_plane_api.infrastructure.mongo.store import MongoStore
from lcm_core.domain.vocabulary import SignalType
from lcm_core.etcd import EtcdClient


async def main(uri: str, name: str, endpoint: str, writes: int) -> None:
    """Write until the end or death; each line on standard output is a committed version."""
    client = connect(uri)
    database = client[name]
    async with EtcdClient([endpoint]) as etcd:
        dispatcher = Dispatcher(database, etcd)
        store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
        await store.create_indexes()
        draining = asyncio.create_task(dispatcher.run())
        for key in ("s1", "s2"):
            await store.add(a_session(key))
        for number in range(writes):
            key = ("s1", "s2")[number % 2]
            changed = await store.update(
                key,
                lambda session, n=number: session.signal(f"e{n}", SignalType.LDS_STARTED, NOW),  # type: ignore[misc]
            )
            print(f"{key} {changed.version}", flush=True)
            await asyncio.sleep(0.005)
        while await database["sessions"].count_documents({"pending": True}):
            await asyncio.sleep(0.005)
        draining.cancel()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
