"""The etcd key space, in one place.

``/lcm/`` holds projections, written only by the control plane and reconciled against the database.
``/lcm-run/`` belongs to the running processes (elections, members, status, broadcast) and is never reconciled away.
"""

from dataclasses import dataclass

PROJECTION_PREFIX = "/lcm/"
RUN_PREFIX = "/lcm-run/"
SETTINGS_KEY = "/lcm/settings"
INCARNATION_KEY = "/lcm-run/incarnation"
ELECTIONS_PREFIX = "/lcm-run/elections/"
MEMBERS_PREFIX = "/lcm-run/members/"
STATUS_PREFIX = "/lcm-run/status/"
BROADCAST_PREFIX = "/lcm-run/broadcast/"

STATE = "state"
CAPACITY = "capacity"
METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """A projection key taken apart: ``/lcm/{collection}/{object_id}/{facet}``."""

    collection: str
    object_id: str
    facet: str

    @classmethod
    def parse(cls, key: str) -> "ObjectKey | None":
        """The parts, or None for a key of another shape (``/lcm/settings``, ``/lcm-run/…``)."""
        if not key.startswith(PROJECTION_PREFIX):
            return None
        parts = key[len(PROJECTION_PREFIX) :].split("/")
        if len(parts) != 3 or not all(parts):
            return None
        return cls(*parts)

    def __str__(self) -> str:
        return f"{PROJECTION_PREFIX}{self.collection}/{self.object_id}/{self.facet}"


def collection_prefix(collection: str) -> str:
    """Prefix of every object of a collection, for lists and watches."""
    return f"{PROJECTION_PREFIX}{collection}/"


def object_key(collection: str, object_id: str, facet: str = STATE) -> str:
    """Key of one facet of one object."""
    return str(ObjectKey(collection, object_id, facet))


def election_key(service: str, shard: int) -> str:
    """Key that the leader of a shard holds under its lease."""
    return f"{ELECTIONS_PREFIX}{service}/{shard}"


def members_prefix(service: str) -> str:
    """Prefix of the live members of a service."""
    return f"{MEMBERS_PREFIX}{service}/"


def member_key(service: str, identity: str) -> str:
    """Key that says this process is alive, under its lease."""
    return f"{MEMBERS_PREFIX}{service}/{identity}"


def status_key(service: str, identity: str) -> str:
    """Key of a process's status heartbeat, under its lease."""
    return f"{STATUS_PREFIX}{service}/{identity}"


def broadcast_key(broadcast_id: str) -> str:
    """Key of a transient event that must reach every replica, under a 60 second lease."""
    return f"{BROADCAST_PREFIX}{broadcast_id}"
