"""The Quota aggregate: how many sessions an owner or a department may have at a time."""

from datetime import datetime

from control_plane_api.kernel.aggregate import Resource, ResourceEvent
from lcm_core.contracts.administration import QuotaScope, QuotaSpec, QuotaStatus
from lcm_core.domain.vocabulary import Kind


class QuotaChanged(ResourceEvent):
    """A quota was set."""

    max_sessions: int


class Quota(Resource[QuotaSpec, QuotaStatus]):
    """One limit."""

    KIND = Kind.QUOTA
    SPEC = QuotaSpec
    STATUS = QuotaStatus

    @staticmethod
    def id_of(scope: QuotaScope, subject: str) -> str:
        """Where the quota of somebody is kept."""
        return f"{scope}:{subject}"

    @classmethod
    def set_for(cls, scope: QuotaScope, subject: str, limit: int, created_by: str, now: datetime) -> "Quota":
        """A new quota."""
        spec = QuotaSpec(scope=scope, subject=subject, max_sessions=limit)
        quota = cls.create(cls.id_of(scope, subject), spec, QuotaStatus(), created_by, now)
        quota.record(QuotaChanged(max_sessions=limit))
        return quota

    def change(self, limit: int) -> bool:
        """Another limit; answers whether it is one."""
        if limit == self.spec.max_sessions:
            return False
        self.touch_spec()
        self.spec.max_sessions = limit
        self.record(QuotaChanged(max_sessions=limit))
        return True
