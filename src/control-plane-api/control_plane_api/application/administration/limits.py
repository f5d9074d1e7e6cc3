"""Which limits apply to somebody: their own quota, else the default of the settings."""

from dataclasses import dataclass

from control_plane_api.application.errors import ConflictError
from control_plane_api.application.ports import Deps
from control_plane_api.domain.quota.quota import Quota
from control_plane_api.domain.settings.settings import SETTINGS_ID
from lcm_core.contracts.administration import DynamicSettings, QuotaScope


@dataclass(frozen=True, slots=True)
class Limit:
    """How many sessions somebody may have at a time; 0 means any number."""

    scope: QuotaScope
    subject: str
    max_sessions: int

    @property
    def key(self) -> str:
        """Where its use is counted."""
        return Quota.id_of(self.scope, self.subject)


async def present_settings(deps: Deps) -> DynamicSettings:
    """The dynamic settings, or the defaults before they are stored."""
    found = await deps.settings.find(SETTINGS_ID)
    return found.spec if found is not None else DynamicSettings()


async def limits_for(deps: Deps, owner: str, department: str) -> list[Limit]:
    """The limits of an owner and, if there is one, of the department."""
    defaults = await present_settings(deps)
    subjects = [(QuotaScope.OWNER, owner, defaults.quota_sessions_per_owner)]
    if department:
        subjects.append((QuotaScope.DEPARTMENT, department, defaults.quota_sessions_per_department))
    quotas = await deps.quotas.get_many([Quota.id_of(scope, subject) for scope, subject, _ in subjects])
    limits = []
    for scope, subject, default in subjects:
        own = quotas.get(Quota.id_of(scope, subject))
        limits.append(Limit(scope, subject, own.spec.max_sessions if own is not None else default))
    return limits


async def hold_quota(deps: Deps, session_id: str, owner: str, department: str) -> None:
    """Count a session against every limit that applies (ruling 7: the limiting write comes first).

    Raises ``ConflictError`` that names the limit; nothing is counted then.
    """
    held: list[Limit] = []
    for limit in await limits_for(deps, owner, department):
        if not limit.max_sessions or await deps.quota_usage.hold(limit.key, session_id, limit.max_sessions):
            held.append(limit)
            continue
        await deps.quota_usage.release(session_id, [known.key for known in held])
        raise ConflictError(
            "QuotaExceeded",
            f"The {limit.scope} {limit.subject} may have {limit.max_sessions} sessions at a time and has as many; "
            "end one, or wait until one has ended.",
            {"scope": limit.scope, "limit": limit.max_sessions},
        )


async def release_quota(deps: Deps, session_id: str, owner: str, department: str) -> None:
    """A session ended."""
    keys = [Quota.id_of(QuotaScope.OWNER, owner)]
    if department:
        keys.append(Quota.id_of(QuotaScope.DEPARTMENT, department))
    await deps.quota_usage.release(session_id, keys)
