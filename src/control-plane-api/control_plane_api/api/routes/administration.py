"""``/settings`` and ``/quotas``."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import list_parameters
from control_plane_api.application.administration.commands.administration_commands import (
    ChangeSettingsCommand,
    PutQuotaCommand,
    RemoveQuotaCommand,
    SendNoticeCommand,
)
from control_plane_api.application.administration.queries.administration_queries import (
    GetSettingsQuery,
    ListQuotasQuery,
    MyQuotaQuery,
)
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.listing import QUOTAS, ListRequest
from lcm_core.contracts.administration import (
    DynamicSettings,
    PutQuota,
    QuotaScope,
    QuotaUse,
    QuotaView,
    SendNotice,
    SettingsView,
)
from lcm_core.contracts.common import Page

router = api_router(tags=["administration"])
Subject = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^/:]+$")]


@router.post("/notices", status_code=204, summary="Tell everybody at the console something")
@guard(Action.NOTICE_SEND)
async def send_notice(call: Call, body: SendNotice) -> Response:
    """It is shown at once to everybody who is signed in, and kept in the audit trail."""
    await call.execute(SendNoticeCommand(call.principal, body))
    return Response(status_code=204)


@router.get("/settings", response_model=SettingsView, summary="Read the dynamic settings")
@guard(Action.SETTINGS_READ)
async def read_settings(call: Call) -> Response:
    """With their version."""
    return call.respond(await call.execute(GetSettingsQuery(call.principal)))


@router.put("/settings", response_model=SettingsView, summary="Change the dynamic settings")
@guard(Action.SETTINGS_WRITE)
async def change_settings(call: Call, body: DynamicSettings) -> Response:
    """They take effect within seconds; fields that are left out go back to their default."""
    return call.respond(await call.execute(ChangeSettingsCommand(call.principal, body, call.expected_version)))


@router.get("/quotas", response_model=Page[QuotaView], summary="List quotas")
@guard(Action.QUOTA_READ)
async def list_quotas(call: Call, page: ListRequest = list_parameters(QUOTAS, "Quota")) -> Response:
    """With what is used of them."""
    return call.respond(await call.execute(ListQuotasQuery(call.principal, page)))


@router.get("/quotas/mine", response_model=Page[QuotaUse], summary="What applies to me?")
@guard(Action.QUOTA_READ)
async def my_quota(call: Call) -> Response:
    """One's own limit and that of the department; 0 means none."""
    return call.respond(await call.execute(MyQuotaQuery(call.principal)))


@router.put("/quotas/{scope}/{subject}", response_model=QuotaView, summary="Set a quota")
@guard(Action.QUOTA_WRITE)
async def put_quota(call: Call, scope: QuotaScope, subject: Subject, body: PutQuota) -> Response:
    """Sessions that exist stay, also above a lower limit."""
    command = PutQuotaCommand(call.principal, scope, subject, body, call.expected_version)
    return call.respond(await call.execute(command))


@router.delete("/quotas/{scope}/{subject}", status_code=204, summary="Go back to the default")
@guard(Action.QUOTA_WRITE)
async def remove_quota(call: Call, scope: QuotaScope, subject: Subject) -> Response:
    """The default of the settings holds then."""
    await call.execute(RemoveQuotaCommand(call.principal, scope, subject))
    return call.respond(None)
