"""Makes etcd equal to the database: at start, every few minutes, and when etcd turns out to have been wiped."""

import asyncio
import logging
from collections.abc import Mapping

from pymongo.errors import PyMongoError

from control_plane_api.application.projection.projections import PROJECTIONS, Projected, project
from control_plane_api.infrastructure.mongo.database import Database
from lcm_core.domain.vocabulary import Kind
from lcm_core.etcd import EtcdError, EtcdStore, GuardedWrite, KeyValue, MalformedValue, decode_value, encode_value
from lcm_core.etcd.keys import METRICS, PROJECTION_PREFIX, SETTINGS_KEY, ObjectKey

log = logging.getLogger(__name__)

RESYNC_SECONDS = 180.0
PROBE_SECONDS = 5.0
BATCH = 32


def _differs(shown: bytes, wanted: bytes) -> bool:
    """Whether a key shows the same version otherwise than the database, or nothing that can be read.

    Another release projects other fields; the trace is of the moment of a write and no difference.
    """
    try:
        version, body = decode_value(shown)
    except MalformedValue:
        return True
    wanted_version, wanted_body = decode_value(wanted)
    body.pop("traceparent", None)
    return version == wanted_version and body != wanted_body


class ProjectionReconciler:
    """Compares all documents with all keys and repairs the difference."""

    def __init__(self, database: Database, etcd: EtcdStore) -> None:
        self._database = database
        self._etcd = etcd
        self._incarnation = ""
        self.synced = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled: a cheap probe often, a full pass when due or when the probe finds another etcd."""
        due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if await self._replaced() or loop.time() >= due:
                    repaired = await self.reconcile()
                    due = loop.time() + RESYNC_SECONDS
                    if repaired:
                        log.info("Repaired %d keys of the projection in etcd", repaired)
                    self.synced.set()
            except (EtcdError, PyMongoError) as error:
                log.warning("The projection could not be compared: %s", error)
            await asyncio.sleep(PROBE_SECONDS)

    async def _replaced(self) -> bool:
        """Whether this is another etcd than before, or one that lost the projections."""
        incarnation = await self._etcd.incarnation()
        sentinel = await self._etcd.get(SETTINGS_KEY)
        replaced = incarnation != self._incarnation or sentinel is None
        self._incarnation = incarnation
        return replaced

    async def reconcile(self) -> int:
        """One full pass; answers how many keys were repaired or removed."""
        repaired = 0
        for projected in PROJECTIONS:
            repaired += await self._reconcile_kind(projected)
        if await self._etcd.get(SETTINGS_KEY) is None:
            # Before the settings are stored their key marks all the same that this etcd holds the projection.
            await self._etcd.put(SETTINGS_KEY, encode_value(0, {}))
        return repaired

    async def _reconcile_kind(self, projected: Projected) -> int:
        settings = projected.kind is Kind.SETTINGS
        prefix = SETTINGS_KEY if settings else f"{PROJECTION_PREFIX}{projected.etcd_collection}/"
        listing = await self._etcd.list(prefix)
        found = {item.key: item for item in listing.items}
        missing: list[GuardedWrite] = []
        known: set[str] = set()
        repaired = 0
        async for document in self._database[projected.collection].find({}, {"outbox": 0}):
            known.add(document["_id"])
            for key, value in project(projected, document):
                held = found.get(key)
                if held is None or held.value[:20] < value[:20]:
                    missing.append(GuardedWrite(key, value))
                elif _differs(held.value, value):
                    # No guarded write helps here. A newer value that comes meanwhile makes this one void.
                    repaired += await self._etcd.replace(key, value, mod_revision=held.mod_revision) is not None
            if len(missing) >= BATCH:
                repaired += await self._put(missing)
        repaired += await self._put(missing)
        return repaired + await self._remove_strays(projected, known, found)

    async def _put(self, writes: list[GuardedWrite]) -> int:
        count = len(writes)
        if writes:
            await self._etcd.put_guarded_many(list(writes))
            writes.clear()
        return count

    async def _remove_strays(self, projected: Projected, known: set[str], found: Mapping[str, KeyValue]) -> int:
        """Keys without a document go, after the database was asked again (ruling 1)."""
        removed = 0
        for key in found:
            parsed = ObjectKey.parse(key)
            if parsed is None or parsed.object_id in known or parsed.facet == METRICS:
                continue
            collection = self._database[projected.collection]
            if await collection.find_one({"_id": parsed.object_id}, {"_id": 1}) is None:
                item = await self._etcd.get(key)
                if item is not None and await self._etcd.delete_at(key, item.mod_revision):
                    removed += 1
        return removed
