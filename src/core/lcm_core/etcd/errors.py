"""Errors of the etcd port: callers see these and never a gRPC error."""


class EtcdError(Exception):
    """Base of every error the etcd port raises."""


class EtcdUnavailable(EtcdError):
    """No endpoint answered in time, or the connection broke; the same call may succeed later."""


class WatchSilent(EtcdUnavailable):
    """A watch gave no sign of life, not even the progress answer it was asked for: treat it as dead."""


class RevisionCompacted(EtcdError):
    """The watch asked for a revision that etcd no longer keeps; list again.

    ``compact_revision`` is the oldest revision that can still be watched.
    """

    def __init__(self, compact_revision: int) -> None:
        super().__init__(f"revisions below {compact_revision} are compacted; list again")
        self.compact_revision = compact_revision


class StoreReplaced(EtcdError):
    """The etcd behind the endpoints is not the one the revision came from (wiped or restored); list again."""


class LeaseLost(EtcdError):
    """The lease expired or was revoked; every key attached to it is gone."""


class EtcdRefused(EtcdError):
    """etcd answered and refused (quota alarm, bad argument, permission); repeating the call will not help."""
