"""What sessions cost, summed by owner or department."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.capacity.picture import every
from control_plane_api.application.errors import ForbiddenError, InvalidError
from control_plane_api.domain.lablet_session.cost_sums import Estimator, Price, SessionCost, sums
from lcm_core.contracts.common import Slot
from lcm_core.contracts.costs import CostGrouping, CostSum, CostsView
from lcm_core.contracts.workers import TemplateView

AROUND = timedelta(days=30)
LONGEST = timedelta(days=400)
SESSIONS_LIMIT = 50_000


@dataclass(frozen=True, slots=True)
class CostsQuery(BaseQuery[CostsView]):
    """The sums of what the caller may see; without a start or an end 30 days before or after the present."""

    start: datetime | None
    end: datetime | None
    by: CostGrouping


class CostsReader(Reader[CostsQuery, CostsView]):
    """What has been spent on whose sessions, and what will have been."""

    async def handle_async(self, request: CostsQuery) -> CostsView:
        """The sums. Raises ``InvalidError`` for a window that is none, too long, or has too many sessions."""
        owner, department = _visible(request.principal)
        now = self._deps.clock.now()
        window = _window(request.start or now - AROUND, request.end or now + AROUND)
        found = await self._deps.costs.sessions(window, owner, department, SESSIONS_LIMIT + 1)
        if len(found) > SESSIONS_LIMIT:
            message = f"there are more than {SESSIONS_LIMIT} sessions in this window: narrow it"
            raise InvalidError.field("TooManySessions", "query.end", message)
        estimator = Estimator(await self._prices(), now)
        # Beside the loop: tens of thousands take a third of a second.
        each, total = await asyncio.to_thread(sums, found, _NAMES[request.by], estimator)
        return CostsView(
            start=window.start,
            end=window.end,
            at=now,
            by=request.by,
            items=[CostSum(**asdict(one)) for one in each],
            sessions=total.sessions,
            cost_usd=total.cost_usd,
            forecast_usd=total.forecast_usd,
        )

    async def _prices(self) -> list[Price]:
        specs = [template.spec async for template in every(self._deps.templates, TemplateView)]
        return [Price(spec.capacity, spec.hourly_cost_usd) for spec in specs if spec.enabled]


def _visible(principal: Principal) -> tuple[str | None, str]:
    """Whose sessions the caller may see, and of which department all. Raises ``ForbiddenError``."""
    match scope_of(principal, Action.COST_READ):
        case Scope.ANY:
            return None, ""
        case Scope.DEPARTMENT:
            return principal.username, principal.department
        case Scope.OWN:
            return principal.username, ""
        case _:
            raise ForbiddenError(Action.COST_READ)


def _window(start: datetime, end: datetime) -> Slot:
    if not timedelta(0) < end - start <= LONGEST:
        message = f"the end must be after the start, by at most {LONGEST.days} days"
        raise InvalidError.field("BadWindow", "query.end", message)
    return Slot(start=start, end=end)


def _owner(session: SessionCost) -> str:
    return session.owner


def _department(session: SessionCost) -> str:
    return session.department


_NAMES = {CostGrouping.OWNER: _owner, CostGrouping.DEPARTMENT: _department}
