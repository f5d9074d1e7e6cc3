"""The stores of the control plane, their indexes and what a new installation starts with."""

import os
import secrets
import socket
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient

from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.listing import DEFINITIONS, LAB_RECORDS, QUOTAS, SESSIONS, TASKS, TEMPLATES, WORKERS
from control_plane_api.application.outbox.dispatcher import Dispatcher
from control_plane_api.application.ports import Deps
from control_plane_api.application.worker.queries.worker_queries import CML_PASSWORD, CML_USERNAME, LICENSE_TOKEN
from control_plane_api.domain.definition.definition import LabletDefinition
from control_plane_api.domain.lab_record.lab_record import LabRecord
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.quota.quota import Quota
from control_plane_api.domain.settings.settings import PlatformSettings
from control_plane_api.domain.task.task import Task
from control_plane_api.domain.worker.template import SEEDS, WorkerTemplate
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.infrastructure.mongo.artifacts import GridArtifacts
from control_plane_api.infrastructure.mongo.bookings import MongoBookings
from control_plane_api.infrastructure.mongo.children import MongoChildren
from control_plane_api.infrastructure.mongo.claims import MongoClaims
from control_plane_api.infrastructure.mongo.controllers import MongoControllers
from control_plane_api.infrastructure.mongo.costs import MongoCosts
from control_plane_api.infrastructure.mongo.database import Database, connect
from control_plane_api.infrastructure.mongo.idempotency import MongoIdempotency
from control_plane_api.infrastructure.mongo.inbound import MongoInbound
from control_plane_api.infrastructure.mongo.jobs import MongoJobs
from control_plane_api.infrastructure.mongo.locks import MongoLocks
from control_plane_api.infrastructure.mongo.metrics import MongoMetrics
from control_plane_api.infrastructure.mongo.pictures import MongoPictures
from control_plane_api.infrastructure.mongo.quota_usage import MongoQuotaUsage
from control_plane_api.infrastructure.mongo.standing import MongoStanding
from control_plane_api.infrastructure.mongo.store import MongoStore
from control_plane_api.infrastructure.mongo.terms import MongoTerms
from control_plane_api.infrastructure.mongo.throttle import MongoLoginThrottle
from control_plane_api.infrastructure.mongo.vault import MongoVault
from control_plane_api.infrastructure.sse.broadcast import EtcdBroadcasts
from control_plane_api.settings import Settings
from lcm_core.clock import Clock
from lcm_core.etcd import EtcdClient

SYSTEM = "system"


@dataclass(frozen=True)
class Stores:
    """Everything that keeps something."""

    client: "AsyncMongoClient[dict[str, Any]]"
    database: Database
    etcd: EtcdClient
    clock: Clock
    dispatcher: Dispatcher
    sessions: MongoStore[LabletSession]
    workers: MongoStore[Worker]
    templates: MongoStore[WorkerTemplate]
    definitions: MongoStore[LabletDefinition]
    lab_records: MongoStore[LabRecord]
    tasks: MongoStore[Task]
    settings: MongoStore[PlatformSettings]
    quotas: MongoStore[Quota]
    claims: MongoClaims
    bookings: MongoBookings
    costs: MongoCosts
    quota_usage: MongoQuotaUsage
    children: MongoChildren
    inbound: MongoInbound
    artifacts: GridArtifacts
    metrics: MongoMetrics
    vault: MongoVault
    terms: MongoTerms
    controllers: MongoControllers
    idempotency: MongoIdempotency
    throttle: MongoLoginThrottle
    audit: AuditLog
    locks: MongoLocks
    jobs: MongoJobs

    def deps(self, settings: Settings) -> Deps:
        """What the handlers see of the stores."""
        return Deps(
            sessions=self.sessions,
            workers=self.workers,
            templates=self.templates,
            definitions=self.definitions,
            lab_records=self.lab_records,
            tasks=self.tasks,
            settings=self.settings,
            quotas=self.quotas,
            claims=self.claims,
            bookings=self.bookings,
            costs=self.costs,
            quota_usage=self.quota_usage,
            children=self.children,
            inbound=self.inbound,
            artifacts=self.artifacts,
            metrics=self.metrics,
            broadcasts=EtcdBroadcasts(self.etcd),
            vault=self.vault,
            pictures=MongoPictures(self.database, self.etcd, self.clock, self.claims, self.quota_usage, self.inbound),
            standing=MongoStanding(self.database),
            clock=self.clock,
            limits=settings.deadlines,
        )

    async def create_indexes(self) -> None:
        """Every index; harmless when they exist."""
        for store, rules in (
            (self.sessions, SESSIONS),
            (self.workers, WORKERS),
            (self.templates, TEMPLATES),
            (self.definitions, DEFINITIONS),
            (self.lab_records, LAB_RECORDS),
            (self.tasks, TASKS),
            (self.quotas, QUOTAS),
        ):
            await store.create_indexes(*rules.indexed_paths())
        await self.settings.create_indexes()
        await self.jobs.create_indexes()
        await self.quota_usage.create_indexes()
        await self.claims.create_indexes()
        await self.bookings.create_indexes()
        await self.children.create_indexes()
        await self.inbound.create_indexes()
        await self.metrics.create_indexes()
        await self.terms.create_indexes()
        await self.controllers.create_indexes()
        await self.idempotency.create_indexes()
        await self.throttle.create_indexes()
        await self.dispatcher.create_indexes()

    async def seed(self, settings: Settings) -> None:
        """Templates of a new installation, once: what an administrator deletes later stays deleted."""
        done = await self.database["installation"].find_one({"_id": "templates"})
        if done is None:
            now = self.clock.now()
            for spec in SEEDS:
                await self.templates.add(WorkerTemplate.define(spec.name, spec, SYSTEM, now))
            await self.database["installation"].update_one({"_id": "templates"}, {"$set": {"at": now}}, upsert=True)
        await self.settings.add(PlatformSettings.initial(SYSTEM, self.clock.now()))
        await self._seal(settings)

    async def _seal(self, settings: Settings) -> None:
        """The fleet's secrets from the settings; what the settings leave empty stays as it is."""
        fleet = settings.worker_secrets
        wanted = {
            CML_USERNAME: fleet.cml_username,
            CML_PASSWORD: fleet.cml_password,
            LICENSE_TOKEN: fleet.license_token,
        }
        for name, secret in wanted.items():
            value = secret.get_secret_value()
            if value and await self.vault.read(name) != value:
                await self.vault.write(name, value)

    async def close(self) -> None:
        """Give every connection back."""
        await self.etcd.close()
        await self.client.close()


def open_stores(settings: Settings) -> Stores:
    """The stores these settings describe; connects on first use."""
    client = connect(settings.database.uri.get_secret_value())
    database = client[settings.database.name]
    etcd = EtcdClient(
        settings.etcd.endpoints,
        timeout_seconds=settings.etcd.timeout_seconds,
        credentials=settings.etcd.credentials,
    )
    dispatcher = Dispatcher(database, etcd, publishes=bool(settings.events.sink))
    changed, logged = dispatcher.changed, dispatcher.logged
    envelope = settings.secrets.envelope()
    children = MongoChildren(database, envelope)
    return Stores(
        client=client,
        database=database,
        etcd=etcd,
        clock=settings.clock.domain_clock(),
        dispatcher=dispatcher,
        sessions=MongoStore(database, "sessions", LabletSession, "lablet session", changed, logged),
        workers=MongoStore(database, "workers", Worker, "worker", changed, logged),
        templates=MongoStore(database, "templates", WorkerTemplate, "worker template", changed, logged),
        definitions=MongoStore(database, "definitions", LabletDefinition, "lablet definition", changed, logged),
        lab_records=MongoStore(database, "lab_records", LabRecord, "lab record", changed, logged),
        tasks=MongoStore(database, "tasks", Task, "task", changed, logged),
        settings=MongoStore(database, "settings", PlatformSettings, "settings", changed, logged),
        quotas=MongoStore(database, "quotas", Quota, "quota", changed, logged),
        claims=MongoClaims(database),
        bookings=MongoBookings(database),
        costs=MongoCosts(database),
        quota_usage=MongoQuotaUsage(database),
        children=children,
        inbound=MongoInbound(database, children),
        artifacts=GridArtifacts(database),
        metrics=MongoMetrics(database, etcd),
        vault=MongoVault(database, envelope),
        terms=MongoTerms(database, etcd),
        controllers=MongoControllers(database),
        idempotency=MongoIdempotency(database),
        throttle=MongoLoginThrottle(database),
        audit=AuditLog(database, settings.events.retention_days),
        jobs=MongoJobs(database),
        locks=MongoLocks(database, f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"),
    )
