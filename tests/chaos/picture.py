"""Everything that the stores and the outside world hold, read past the platform, straight from where it is kept."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx
from pymongo.errors import PyMongoError

from control_plane_api.application.invariants.catalog import violations
from control_plane_api.application.invariants.standing import PictureSource
from control_plane_api.application.projection.projections import PROJECTIONS, project
from control_plane_api.composition.stores import Stores, open_stores
from control_plane_api.settings import Settings
from lcm_core.contracts.claims import ClaimView
from lcm_core.domain.vocabulary import Kind
from lcm_core.etcd.keys import METRICS, PROJECTION_PREFIX, SETTINGS_KEY, ObjectKey
from lcm_simulators.world import World

Document = Mapping[str, Any]
_READ_SECONDS = 5.0
_MORTAL = frozenset({Kind.SESSION, Kind.WORKER, Kind.LAB_RECORD})
"""Kinds whose objects end with a run; definitions, templates and settings stay."""


@dataclass(frozen=True, slots=True)
class Bookings:
    """What must hold at every instant: claims against capacity, and who has which machine.

    ``days`` has the claims of each worker and UTC day as they are stored together. A claim across midnight stands in
    two of them, and while it is extended or released the two differ for a moment; each by itself is exact.
    """

    days: list[list[ClaimView]] = field(default_factory=list)
    workers: Sequence[Document] = field(default_factory=list)
    instances: Sequence[Document] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. ``expected`` is what etcd should show of the database, ``shown`` what it does."""

    bookings: Bookings = field(default_factory=Bookings)
    sessions: Sequence[Document] = field(default_factory=list)
    events: Sequence[Document] = field(default_factory=list)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    inbound: Sequence[Document] = field(default_factory=list)
    reports: Sequence[Document] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    expected: dict[str, bytes] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)
    deliveries: Sequence[Document] = field(default_factory=list)
    jobs: Sequence[Document] = field(default_factory=list)
    labs: dict[str, list[str]] = field(default_factory=dict)
    licenses: Sequence[Document] = field(default_factory=list)
    sent: Sequence[Document] = field(default_factory=list)


class Viewer:
    """Reads pictures of one world."""

    def __init__(self, world: World, stores: Stores, pictures: PictureSource) -> None:
        self._world = world
        self._database = stores.database
        self._pictures = pictures
        self._settled: list[str] = []
        self.etcd = stores.etcd

    def settle(self, picture: Picture) -> None:
        """What this picture shows has ended, and was judged: later pictures leave its story out."""
        ended = {key for kind, key in picture.versions if kind in _MORTAL}
        self._settled = sorted({*self._settled, *ended})

    async def database_writes(self) -> bool:
        """Whether the database takes a write."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await self._database["chaos"].update_one({"_id": "probe"}, {"$inc": {"count": 1}}, upsert=True)
        except (PyMongoError, TimeoutError):
            return False
        return True

    async def bookings(self) -> Bookings:
        """A quick look at claims and machines. Raises what a store that is down raises."""
        days = [
            [ClaimView.model_validate(stored) for stored in day["claims"]]
            async for day in self._database["claims"].find({})
        ]
        workers = [document async for document in self._database["workers"].find({}, {"outbox": 0})]
        return Bookings(days, workers, await self._read("ec2", "/admin/instances"))

    async def broken(self) -> list[str]:
        """Counter-examples to what also production checks, when nothing is under way."""
        return [f"{each.invariant}: {each.sentence}" for each in violations(await self._pictures.take())]

    async def picture(self) -> Picture:
        """The whole picture. Raises what a store that is down raises."""
        find, unsettled = self._database, {"$nin": self._settled}
        expected: dict[str, bytes] = {}
        versions: dict[tuple[str, str], int] = {}
        pending: list[str] = []
        for projected in PROJECTIONS:
            async for document in find[projected.collection].find({}):
                if document["_id"] not in self._settled:
                    versions[(str(projected.kind), document["_id"])] = document["version"]
                expected |= dict(project(projected, document))
                if document.get("pending") or document.get("outbox"):
                    pending.append(f"{projected.kind} {document['_id']}")
        return Picture(
            bookings=await self.bookings(),
            sessions=[document async for document in find["sessions"].find({"_id": unsettled}, {"outbox": 0})],
            # Entries of the audit alone (a sign-in, a look at a launch link, a refusal) belong to no version.
            events=[
                document async for document in find["events"].find({"aggregate_id": unsettled}) if "version" in document
            ],
            versions=versions,
            inbound=[document async for document in find["inbound_events"].find({})],
            reports=[document async for document in find["score_reports"].find({})],
            pending=pending,
            expected=expected,
            shown=await self._shown(),
            deliveries=(await self._read("lds", "/admin/sessions"))["items"],
            jobs=(await self._read("grading", "/admin/jobs"))["items"],
            labs=await self._labs(),
            licenses=(await self._read("cml", "/admin/licenses"))["registrations"],
            sent=[
                event for name in ("lds", "grading") for event in (await self._read(name, "/admin/events"))["events"]
            ],
        )

    async def _shown(self) -> dict[str, bytes]:
        listing = await self.etcd.list(PROJECTION_PREFIX)
        found: dict[str, bytes] = {}
        for item in listing.items:
            key = ObjectKey.parse(item.key)
            # Metrics are no part of a document (ruling 6); before settings exist their key is a mere mark.
            if (key is not None and key.facet != METRICS) or item.key == SETTINGS_KEY:
                found[item.key] = item.value
        return found

    async def _labs(self) -> dict[str, list[str]]:
        """Titles of the labs on each controller that is switched on."""
        found: dict[str, list[str]] = {}
        password = self._world.settings.secrets["LCM_CML_PASSWORD"]
        for entry in await self._read("cml", "/admin/controllers"):
            if not entry["ready"]:
                continue
            base = f"https://{entry['address']}:{entry['port']}/api/v0"
            async with httpx.AsyncClient(base_url=base, verify=False, trust_env=False, timeout=_READ_SECONDS) as cml:
                login = await cml.post("/authenticate", json={"username": "admin", "password": password})
                if login.status_code == httpx.codes.FORBIDDEN:
                    continue  # a machine whose password has not been set yet holds no lab of ours
                login.raise_for_status()
                headers = {"Authorization": f"Bearer {login.json()}"}
                ids = (await cml.get("/labs", params={"show_all": "true"}, headers=headers)).raise_for_status().json()
                labs = [(await cml.get(f"/labs/{lab}", headers=headers)).json() for lab in ids]
            found[entry["instance_id"]] = [lab["lab_title"] for lab in labs if "lab_title" in lab]
        return found

    async def _read(self, name: str, path: str) -> Any:
        async with httpx.AsyncClient(
            base_url=self._world.url(name), trust_env=False, timeout=_READ_SECONDS
        ) as simulator:
            return (await simulator.get(path)).raise_for_status().json()


@asynccontextmanager
async def viewer_of(world: World) -> AsyncIterator[Viewer]:
    """A viewer with connections of its own."""
    addresses = {
        "MONGODB_URI": world.url("database"),
        "LCM_ETCD_ENDPOINTS": world.url("etcd").removeprefix("http://"),
        "LCM_CLOCK_FILE": str(world.clock_file),
    }
    with patch.dict(os.environ, addresses):
        settings = Settings()
    stores = open_stores(settings)
    try:
        yield Viewer(world, stores, stores.deps(settings).pictures)
    finally:
        await stores.close()
