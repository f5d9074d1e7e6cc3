"""Pictures of the database and etcd for the invariants.

etcd is read first: what the database says later may only be newer. Documents are read without pause between them and
their projection is computed at once, so the facts of one object always belong together.
"""

import asyncio
from dataclasses import dataclass, field

import orjson
from pydantic import ValidationError

from control_plane_api.application.invariants.facts import claim_fact, lab_fact, session_fact, worker_fact
from control_plane_api.application.invariants.picture import (
    KeyFact,
    LabFact,
    Picture,
    Projection,
    SessionFact,
    WorkerFact,
)
from control_plane_api.application.ports import ClaimStore, InboundStore, QuotaUsage
from control_plane_api.application.projection.projections import PROJECTIONS, Document, Projected, project
from control_plane_api.domain.lab_record.lab_record import LabRecord
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.documents import to_aggregate
from lcm_core.clock import Clock
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import LabRecordView, WorkerView
from lcm_core.domain.vocabulary import Kind
from lcm_core.etcd import EtcdStore, MalformedValue, decode_value
from lcm_core.etcd.keys import PROJECTION_PREFIX, SETTINGS_KEY, collection_prefix

WAITING_LIMIT = 200
BATCH = 50
"""Documents between two pauses, so that requests are answered while a picture is taken."""


@dataclass
class _Found:
    """What is gathered while the documents are read."""

    shown: dict[str, bytes]
    sessions: dict[str, SessionFact] = field(default_factory=dict)
    workers: dict[str, WorkerFact] = field(default_factory=dict)
    labs: list[LabFact] = field(default_factory=list)
    keys: list[KeyFact] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def take(self, projected: Projected, document: Document) -> None:
        """Facts and keys of one document."""
        try:
            self._add_fact(projected.kind, document)
            wanted = project(projected, document)
        except (ValidationError, KeyError, ValueError):
            self._skip(projected, document["_id"])
            return
        for key, value in wanted:
            self.keys.append(_key_fact(key, value, self.shown.pop(key, None)))

    def _skip(self, projected: Projected, document_id: str) -> None:
        """What etcd shows of a document that cannot be read is no stray."""
        self.unreadable.append(f"{projected.collection}/{document_id}")
        prefix = f"{collection_prefix(projected.etcd_collection)}{document_id}/"
        for key in [key for key in self.shown if key.startswith(prefix)]:
            del self.shown[key]

    def _add_fact(self, kind: Kind, document: Document) -> None:
        match kind:
            case Kind.SESSION:
                session = session_fact(to_aggregate(LabletSession, document).view(SessionView))
                self.sessions[session.id] = session
            case Kind.WORKER:
                worker = worker_fact(to_aggregate(Worker, document).view(WorkerView))
                self.workers[worker.id] = worker
            case Kind.LAB_RECORD:
                self.labs.append(lab_fact(to_aggregate(LabRecord, document).view(LabRecordView)))


class MongoPictures:
    """Implements ``PictureSource``."""

    def __init__(
        self,
        database: Database,
        etcd: EtcdStore,
        clock: Clock,
        claims: ClaimStore,
        quota_usage: QuotaUsage,
        inbound: InboundStore,
    ) -> None:
        self._database = database
        self._etcd = etcd
        self._clock = clock
        self._claims = claims
        self._quota_usage = quota_usage
        self._inbound = inbound

    async def take(self) -> Picture:
        """See ``PictureSource``."""
        listing = await self._etcd.list(PROJECTION_PREFIX)
        found = _Found({item.key: item.value for item in listing.items})
        at = self._clock.now()
        claims = await self._claims.held_after(at)
        for projected in PROJECTIONS:
            await self._read(projected, found)
        # The settings' key also marks an etcd that holds the projection, before there are settings.
        strays = [_key_fact(key, None, value) for key, value in found.shown.items() if key != SETTINGS_KEY]
        waiting = await self._inbound.unapplied(WAITING_LIMIT)
        return Picture(
            at=at,
            sessions=found.sessions,
            workers=found.workers,
            claims=tuple(claim_fact(claim) for claim in claims),
            labs=tuple(found.labs),
            keys=(*found.keys, *strays),
            counted=tuple(await self._quota_usage.holders()),
            waiting_events=tuple(f"{event.source}#{event.id}" for event in waiting),
            unreadable=tuple(found.unreadable),
        )

    async def _read(self, projected: Projected, found: _Found) -> None:
        number = 0
        async for document in self._database[projected.collection].find({}, {"outbox": 0}):
            found.take(projected, document)
            number += 1
            if number % BATCH == 0:
                await asyncio.sleep(0)


def _key_fact(key: str, wanted: bytes | None, shown: bytes | None) -> KeyFact:
    stored = None if wanted is None else _projection(wanted)[0]
    if shown is None:
        return KeyFact(key, stored, None)
    try:
        projection, fields = _projection(shown)
    except MalformedValue:
        return KeyFact(key, stored, None, size=len(shown))
    return KeyFact(key, stored, projection, fields, len(shown))


def _projection(value: bytes) -> tuple[Projection, frozenset[str]]:
    """Version and fields without the trace, which is of one moment and not in the document any more."""
    version, body = decode_value(value)
    fields = frozenset(body)
    body.pop("traceparent", None)
    return Projection(version, orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()), fields
