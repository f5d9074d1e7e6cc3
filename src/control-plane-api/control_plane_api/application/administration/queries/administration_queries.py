"""Read settings and quotas."""

from dataclasses import dataclass

from control_plane_api.application.administration.limits import limits_for
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.listing import QUOTAS, ListRequest
from control_plane_api.domain.settings.settings import SETTINGS_ID
from lcm_core.contracts.administration import QuotaUse, QuotaView, SettingsView
from lcm_core.contracts.common import Page


@dataclass(frozen=True, slots=True)
class GetSettingsQuery(BaseQuery[SettingsView]):
    """The dynamic settings."""


class GetSettingsReader(Reader[GetSettingsQuery, SettingsView]):
    """As they are now."""

    async def handle_async(self, request: GetSettingsQuery) -> SettingsView:
        """The settings."""
        require(request.principal, Action.SETTINGS_READ)
        return (await self._deps.settings.get(SETTINGS_ID)).view(SettingsView)


@dataclass(frozen=True, slots=True)
class ListQuotasQuery(BaseQuery[Page[QuotaView]]):
    """A page of quotas."""

    page: ListRequest


class ListQuotasReader(Reader[ListQuotasQuery, Page[QuotaView]]):
    """For administrators; others see their own part."""

    async def handle_async(self, request: ListQuotasQuery) -> Page[QuotaView]:
        """The page, with what is used."""
        found = await self._deps.quotas.list(QUOTAS.query(request.page, request.principal, Action.QUOTA_READ))
        used = await self._deps.quota_usage.used([quota.key for quota in found.items])
        items = [quota.view(QuotaView, used=used.get(quota.key, 0)) for quota in found.items]
        return Page[QuotaView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@dataclass(frozen=True, slots=True)
class MyQuotaQuery(BaseQuery[Page[QuotaUse]]):
    """What applies to the caller."""


class MyQuotaReader(Reader[MyQuotaQuery, Page[QuotaUse]]):
    """The caller's own limits and those of the department."""

    async def handle_async(self, request: MyQuotaQuery) -> Page[QuotaUse]:
        """Limits with what is used of them."""
        caller = request.principal
        limits = await limits_for(self._deps, caller.username, caller.department)
        used = await self._deps.quota_usage.used([limit.key for limit in limits])
        return Page[QuotaUse](
            items=[
                QuotaUse(
                    scope=limit.scope,
                    subject=limit.subject,
                    max_sessions=limit.max_sessions,
                    used=used.get(limit.key, 0),
                )
                for limit in limits
            ]
        )
