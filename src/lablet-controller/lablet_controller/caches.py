"""Short cuts over the control plane and S3: a thing is read again only when it can have changed."""

from collections import OrderedDict
from collections.abc import Callable

from lablet_controller.content.package import read_package
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import NotFound
from lcm_core.contracts.definitions import DefinitionView, DerivedContent
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import DefinitionPhase
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.content_store import ContentStore
from lcm_core.topology import Topology

VersionOf = Callable[[str], int | None]
PACKAGE_LIMIT = 32 * 1024 * 1024
KEPT_TOPOLOGIES = 64
_FIXED = frozenset({DefinitionPhase.ACTIVE, DefinitionPhase.DEPRECATED})


class WorkerCache:
    """Workers as of the version that etcd shows; credentials are read once per worker and endpoint."""

    def __init__(self, control_plane: ControlPlaneClient, version_of: VersionOf) -> None:
        self._control_plane = control_plane
        self._version_of = version_of
        self._views: dict[str, WorkerView] = {}
        self._targets: dict[str, CmlTarget] = {}

    async def get(self, worker_id: str) -> WorkerView | None:
        """The worker, None when the control plane does not know it."""
        known, newest = self._views.get(worker_id), self._version_of(worker_id)
        if known is not None and newest is not None and known.version >= newest:
            return known
        try:
            view = await self._control_plane.worker(worker_id)
        except NotFound:
            self.forget(worker_id)
            return None
        self._views[worker_id] = view
        return view

    async def target(self, worker: WorkerView) -> CmlTarget:
        """Where the worker's CML is. Raises ``ApiError``."""
        known = self._targets.get(worker.id)
        if known is not None and known.endpoint == worker.status.endpoint:
            return known
        secret = await self._control_plane.worker_credentials(worker.id)
        target = CmlTarget(worker.id, worker.status.endpoint, secret.cml_username, secret.cml_password)
        self._targets[worker.id] = target
        return target

    def forget(self, worker_id: str) -> None:
        """Drop what is known, for example credentials that CML refused."""
        self._views.pop(worker_id, None)
        self._targets.pop(worker_id, None)


class DefinitionCache:
    """Definitions; the content of an active one never changes."""

    def __init__(self, control_plane: ControlPlaneClient) -> None:
        self._control_plane = control_plane
        self._known: dict[str, DefinitionView] = {}

    async def get(self, definition_id: str) -> DefinitionView:
        """The definition. Raises ``ApiError``."""
        known = self._known.get(definition_id)
        if known is None:
            known = await self._control_plane.definition(definition_id)
            if known.status.phase in _FIXED:
                self._known[definition_id] = known
        return known


class TopologyCache:
    """Parsed topologies by the hash of their package."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._known: OrderedDict[str, Topology] = OrderedDict()

    async def get(self, content: DerivedContent) -> Topology:
        """The topology of stored content. Raises ``OutsideError`` and, for damaged content, ``ContentRefused``."""
        known = self._known.get(content.package_sha256)
        if known is None:
            package = read_package(await self._store.get(content.package_bucket, content.package_key, PACKAGE_LIMIT))
            known = package.topology
            self._known[content.package_sha256] = known
        self._known.move_to_end(content.package_sha256)
        if len(self._known) > KEPT_TOPOLOGIES:
            self._known.popitem(last=False)
        return known
