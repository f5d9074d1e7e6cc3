"""Change settings and quotas."""

from dataclasses import dataclass

from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import NotFoundError, UnavailableError
from control_plane_api.application.ports import Deps
from control_plane_api.domain.quota.quota import Quota
from control_plane_api.domain.settings.settings import SETTINGS_ID, PlatformSettings
from lcm_core.contracts.administration import DynamicSettings, PutQuota, QuotaScope, QuotaView, SendNotice, SettingsView


@dataclass(frozen=True, slots=True)
class ChangeSettingsCommand(BaseCommand[SettingsView]):
    """Replace the dynamic settings."""

    body: DynamicSettings
    expected_version: int | None = None


class ChangeSettingsHandler(Handler[ChangeSettingsCommand, SettingsView]):
    """Every version is in the audit trail with what changed."""

    async def handle_async(self, request: ChangeSettingsCommand) -> SettingsView:
        """The settings after the change."""
        require(request.principal, Action.SETTINGS_WRITE)

        def mutate(settings: PlatformSettings) -> None:
            settings.change(request.body)

        changed = await self._deps.settings.update(SETTINGS_ID, mutate, expected_version=request.expected_version)
        return changed.view(SettingsView)


@dataclass(frozen=True, slots=True)
class PutQuotaCommand(BaseCommand[QuotaView]):
    """Set somebody's quota."""

    scope: QuotaScope
    subject: str
    body: PutQuota
    expected_version: int | None = None


class PutQuotaHandler(Handler[PutQuotaCommand, QuotaView]):
    """Sessions that exist stay, also above a lower limit."""

    async def handle_async(self, request: PutQuotaCommand) -> QuotaView:
        """The quota."""
        require(request.principal, Action.QUOTA_WRITE)
        limit, now = request.body.max_sessions, self._deps.clock.now()
        quota = Quota.set_for(request.scope, request.subject, limit, request.principal.actor, now)
        if not await self._deps.quotas.add(quota):

            def mutate(current: Quota) -> None:
                current.change(limit)

            quota = await self._deps.quotas.update(quota.key, mutate, expected_version=request.expected_version)
        used = (await self._deps.quota_usage.used([quota.key])).get(quota.key, 0)
        return quota.view(QuotaView, used=used)


@dataclass(frozen=True, slots=True)
class RemoveQuotaCommand(BaseCommand[None]):
    """Back to the default."""

    scope: QuotaScope
    subject: str


class RemoveQuotaHandler(Handler[RemoveQuotaCommand, None]):
    """Purges the quota."""

    async def handle_async(self, request: RemoveQuotaCommand) -> None:
        """Raises ``NotFoundError`` when there is none."""
        require(request.principal, Action.QUOTA_WRITE)
        key = Quota.id_of(request.scope, request.subject)
        if not await self._deps.quotas.remove(key):
            raise NotFoundError("quota", key)


@dataclass(frozen=True, slots=True)
class SendNoticeCommand(BaseCommand[None]):
    """Say something to everybody who is signed in at the console."""

    body: SendNotice


class SendNoticeHandler(Handler[SendNoticeCommand, None]):
    """A notice is of the moment: it is told to every live stream and kept in the audit trail only."""

    def __init__(self, deps: Deps, audit: AuditLog) -> None:
        super().__init__(deps)
        self._audit = audit

    async def handle_async(self, request: SendNoticeCommand) -> None:
        """Nothing to answer."""
        require(request.principal, Action.NOTICE_SEND)
        told = {
            "severity": request.body.severity,
            "message": request.body.message,
            "by": request.principal.username,
            "at": self._deps.clock.now().isoformat(),
        }
        if not await self._deps.broadcasts.send("notice", told):
            raise UnavailableError("EtcdAway", "Nobody could be told, because etcd cannot be used now; try again.")
        said = {"severity": request.body.severity, "message": request.body.message}
        await self._audit.accepted(request.principal, Action.NOTICE_SEND, "notice", "", said)
