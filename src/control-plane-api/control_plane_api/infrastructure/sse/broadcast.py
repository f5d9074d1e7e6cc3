"""Transient events that reach every stream of every replica (ruling 5), and their way through etcd."""

import logging
import re
from collections.abc import Mapping

import orjson
from ulid import ULID

from control_plane_api.infrastructure.sse.encoding import StreamEvent, encode
from lcm_core.etcd import EtcdError, EtcdStore
from lcm_core.etcd.keys import broadcast_key

log = logging.getLogger(__name__)

LEASE_SECONDS = 60
LARGEST_BYTES = 16 * 1024
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}")


class EtcdBroadcasts:
    """Implements ``Broadcasts``. An event is kept for a minute, so that a replica that is behind still hears it."""

    def __init__(self, etcd: EtcdStore) -> None:
        self._etcd = etcd

    async def send(self, kind: str, payload: Mapping[str, object], *, owner: str = "", department: str = "") -> bool:
        """See ``Broadcasts``. Raises ``ValueError`` for an unfit kind or payload."""
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r} is no name of an event: lower-case words joined by dots")
        value = orjson.dumps([kind, owner, department, payload])
        if len(value) > LARGEST_BYTES:
            raise ValueError(f"the event {kind} has {len(value)} bytes; {LARGEST_BYTES} fit")
        try:
            lease = await self._etcd.grant_lease(LEASE_SECONDS)
            await self._etcd.put(broadcast_key(str(ULID())), value, lease=lease.id)
        except EtcdError as error:
            log.warning("The event %s was not sent: %s", kind, error)
            return False
        return True


def read_broadcast(value: bytes) -> StreamEvent:
    """The event that another replica sent. Raises ``ValueError``."""
    kind, owner, department, payload = orjson.loads(value)
    return StreamEvent(kind, "", encode(kind, payload), owner, department)
