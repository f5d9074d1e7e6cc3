"""``/lab-records``."""

import re
from enum import StrEnum
from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import list_parameters
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.lab_record.commands.give_labs import BindLabCommand, ImportLabCommand
from control_plane_api.application.lab_record.commands.lab_commands import AskLabCommand
from control_plane_api.application.lab_record.queries.lab_queries import (
    GetLabRecordQuery,
    LabExportQuery,
    ListLabRecordsQuery,
)
from control_plane_api.application.listing import LAB_RECORDS, ListRequest
from lcm_core.contracts.common import Page
from lcm_core.contracts.labs import BindLab, ImportLab
from lcm_core.contracts.workers import LabRecordView

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def attachment(filename: str) -> str:
    """The header of a download; nothing in the name can end the quotes or the line."""
    return f'attachment; filename="{_ODD.sub("_", filename)[:100] or "download"}"'


router = api_router("/lab-records", tags=["labs"])
RecordId = Annotated[str, Path(min_length=1, max_length=80)]


class LabAction(StrEnum):
    """What may be asked of a lab."""

    START = "start"
    STOP = "stop"
    WIPE = "wipe"
    DELETE = "delete"
    EXPORT = "export"
    CLONE = "clone"


@router.get("", response_model=Page[LabRecordView], summary="List labs")
@guard(Action.LAB_READ)
async def list_records(call: Call, page: ListRequest = list_parameters(LAB_RECORDS, "LabRecord")) -> Response:
    """Managed and found ones."""
    return call.respond(await call.execute(ListLabRecordsQuery(call.principal, page)))


@router.get("/{record_id}", response_model=LabRecordView, summary="Look at a lab")
@guard(Action.LAB_READ)
async def get_record(call: Call, record_id: RecordId) -> Response:
    """As last seen on its worker."""
    return call.respond(await call.execute(GetLabRecordQuery(call.principal, record_id)))


@router.get(
    "/{record_id}/export",
    summary="Download the exported topology",
    response_class=Response,
    responses={200: {"content": {"application/yaml": {}}, "description": "The topology as CML exported it"}},
)
@guard(Action.LAB_OPERATE)
async def download(call: Call, record_id: RecordId) -> Response:
    """What the last *export* brought; it is kept for an hour."""
    export = await call.execute(LabExportQuery(call.principal, record_id))
    headers = {"Content-Disposition": attachment(export.filename)}
    return Response(export.content, media_type="application/yaml", headers=headers)


@router.post("/import", status_code=201, response_model=LabRecordView, summary="Import a topology")
@guard(Action.LAB_OPERATE)
async def import_lab(call: Call, body: ImportLab) -> Response:
    """Of an uploaded file, on a running worker; the lab belongs to nobody. Repeating it makes no second lab."""
    made = await call.execute(ImportLabCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/lab-records/{made.id}"})


@router.post("/{record_id}/bind", response_model=LabRecordView, summary="Give a lab to a session")
@guard(Action.LAB_OPERATE)
async def bind(call: Call, record_id: RecordId, body: BindLab) -> Response:
    """To one that is scheduled on the same worker; the lab is its own from then on and ends with it."""
    return call.respond(await call.execute(BindLabCommand(call.principal, record_id, body, call.expected_version)))


@router.post("/{record_id}/{action}", response_model=LabRecordView, summary="Act on a lab")
@guard(Action.LAB_OPERATE)
async def act(call: Call, record_id: RecordId, action: LabAction) -> Response:
    """The lablet controller carries it out; a lab of a session cannot be wiped or deleted."""
    return call.respond(await call.execute(AskLabCommand(call.principal, record_id, action, call.expected_version)))
