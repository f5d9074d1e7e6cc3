"""The etcd port: a store of small versioned values with lists, watches, guarded writes and leases."""

from lcm_core.etcd.client import EtcdClient
from lcm_core.etcd.errors import (
    EtcdError,
    EtcdRefused,
    EtcdUnavailable,
    LeaseLost,
    RevisionCompacted,
    StoreReplaced,
    WatchSilent,
)
from lcm_core.etcd.keys import ObjectKey, collection_prefix, election_key, object_key
from lcm_core.etcd.model import (
    MAX_TXN_WRITES,
    EtcdStore,
    EventKind,
    GuardedPut,
    GuardedWrite,
    KeyValue,
    Lease,
    Listing,
    WatchBatch,
    WatchEvent,
)
from lcm_core.etcd.values import MalformedValue, StateSummary, decode_state, decode_value, encode_state, encode_value

__all__ = [
    "MAX_TXN_WRITES",
    "EtcdClient",
    "EtcdError",
    "EtcdRefused",
    "EtcdStore",
    "EtcdUnavailable",
    "EventKind",
    "GuardedPut",
    "GuardedWrite",
    "KeyValue",
    "Lease",
    "LeaseLost",
    "Listing",
    "MalformedValue",
    "ObjectKey",
    "RevisionCompacted",
    "StateSummary",
    "StoreReplaced",
    "WatchBatch",
    "WatchEvent",
    "WatchSilent",
    "collection_prefix",
    "decode_state",
    "decode_value",
    "election_key",
    "encode_state",
    "encode_value",
    "object_key",
]
