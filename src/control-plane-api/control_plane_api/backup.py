"""Back up and restore the platform's database: ``python -m control_plane_api.backup dump FILE | restore FILE``.

A backup is a gzip stream of BSON documents, each with the name of its collection, ended by the counts; a stream without
that end is incomplete and is not restored. From a replica set it is taken at one instant, beside a running platform.
Restore with the platform stopped and the database empty (``--replace`` empties it): it also clears the projection in
etcd, which the control plane then writes again.
"""

import argparse
import asyncio
import gzip
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

import bson
from pymongo.asynchronous.client_session import AsyncClientSession

from control_plane_api.infrastructure.mongo.database import Database, connect
from control_plane_api.settings import DatabaseSettings
from lcm_core.etcd import EtcdClient
from lcm_core.settings import EtcdSettings

PROJECTION = "/lcm/"
BATCH = 200
_COLLECTION, _DOCUMENT, _END = "c", "d", "end"


class BackupError(RuntimeError):
    """The backup or the database is not fit; the message says why."""


async def _snapshot(database: Database, stack: AsyncExitStack) -> AsyncClientSession | None:
    """A session that reads everything at one instant; None where the server is no replica set."""
    hello = await database.client.admin.command("hello")
    if "setName" not in hello:
        return None
    return await stack.enter_async_context(database.client.start_session(snapshot=True))


async def dump(database: Database, target: Path) -> dict[str, int]:
    """Write every document to ``target`` and return how many of each collection.

    The file appears once it is complete and is readable for its owner only: it holds sealed secrets.
    """
    counts: Counter[str] = Counter()
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    async with AsyncExitStack() as stack:
        session = await _snapshot(database, stack)
        names = sorted(name for name in await database.list_collection_names() if not name.startswith("system."))
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with gzip.open(raw, "wb") as stream:
                for name in names:
                    async for document in database[name].find({}, session=session):
                        stream.write(bson.encode({_COLLECTION: name, _DOCUMENT: document}))
                        counts[name] += 1
                stream.write(bson.encode({_END: dict(counts)}))
            raw.flush()
            os.fsync(raw.fileno())
    part.replace(target)
    return dict(counts)


def _records(source: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(source, "rb") as stream:
        yield from bson.decode_file_iter(cast(BinaryIO, stream))


def verify(source: Path) -> dict[str, int]:
    """How many documents of each collection a backup holds. Raises ``BackupError`` when it is incomplete."""
    counts: Counter[str] = Counter()
    end: dict[str, int] | None = None
    try:
        for record in _records(source):
            if _END in record:
                end = record[_END]
            else:
                counts[record[_COLLECTION]] += 1
    except (OSError, EOFError, bson.errors.InvalidBSON, KeyError) as error:
        raise BackupError(f"{source} is damaged: {error}") from error
    if end is None or end != dict(counts):
        raise BackupError(f"{source} is incomplete")
    return dict(counts)


async def restore(database: Database, etcd: EtcdClient, source: Path, *, replace: bool) -> dict[str, int]:
    """Fill the database from a backup and clear the projection.

    Raises ``BackupError`` when the backup is incomplete, or the database holds something and ``replace`` is False.
    """
    counts = verify(source)
    names = [name for name in await database.list_collection_names() if not name.startswith("system.")]
    full = [name for name in names if await database[name].find_one({}, {"_id": 1}) is not None]
    if full and not replace:
        raise BackupError(f"the database is not empty ({', '.join(sorted(full))}); --replace empties it")
    for name in names:
        await database[name].delete_many({})
    batch: list[dict[str, Any]] = []
    current = ""
    for record in _records(source):
        name = record.get(_COLLECTION, "")
        if batch and (name != current or len(batch) == BATCH):
            await database[current].insert_many(batch)
            batch = []
        if _COLLECTION in record:
            current = name
            batch.append(record[_DOCUMENT])
    for item in (await etcd.list(PROJECTION)).items:
        await etcd.delete(item.key)
    return counts


async def _run(options: argparse.Namespace) -> dict[str, int]:
    settings, places = DatabaseSettings(), EtcdSettings()
    client = connect(settings.uri.get_secret_value())
    try:
        if options.action == "dump":
            return await dump(client[settings.name], options.file)
        async with EtcdClient(places.endpoints, credentials=places.credentials) as etcd:
            return await restore(client[settings.name], etcd, options.file, replace=options.replace)
    finally:
        await client.close()


def main(arguments: list[str] | None = None) -> int:
    """Back up or restore; says how much."""
    parser = argparse.ArgumentParser(description="Back up or restore the platform's database.")
    parser.add_argument("action", choices=["dump", "restore"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--replace", action="store_true", help="restore: empty the database first")
    options = parser.parse_args(arguments)
    try:
        counts = asyncio.run(_run(options))
    except BackupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{sum(counts.values())} documents of {len(counts)} collections: {options.file}")
    return 0


if __name__ == "__main__":
    from lcm_core.container import secrets_from_files

    os.environ.update(secrets_from_files(os.environ))
    sys.exit(main())
