"""``/lablet-definitions`` and ``/artifacts``."""

from typing import Annotated

from fastapi import Path, UploadFile
from pydantic import Field
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import list_parameters
from control_plane_api.application.artifact.commands.upload_artifact import UploadArtifactCommand
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.definition.commands.definition_commands import (
    AskDefinitionCommand,
    CreateDefinitionCommand,
    DefinitionWish,
)
from control_plane_api.application.definition.queries.definition_queries import (
    GetDefinitionQuery,
    ListDefinitionsQuery,
)
from control_plane_api.application.listing import DEFINITIONS, ListRequest
from lcm_core.contracts.common import Page, RequestModel
from lcm_core.contracts.definitions import ArtifactView, CreateDefinition, DefinitionView

router = api_router("/lablet-definitions", tags=["definitions"])
artifacts_router = api_router("/artifacts", tags=["definitions"])
DefinitionId = Annotated[str, Path(min_length=1, max_length=120)]
UPLOAD_LIMIT = 33 * 1024 * 1024


class Sync(RequestModel):
    """Perhaps another upload to take the content from."""

    artifact_id: str = Field(default="", max_length=80)


@artifacts_router.post("", status_code=201, response_model=ArtifactView, summary="Upload a content package")
@guard(Action.ARTIFACT_WRITE, body_bytes=UPLOAD_LIMIT, replay=False)
async def upload(call: Call, file: UploadFile) -> Response:
    """32 MiB at most; kept for an hour unless a definition takes it."""
    content = await file.read()
    command = UploadArtifactCommand(
        call.principal, file.filename or "", file.content_type or "application/octet-stream", content
    )
    return call.respond(await call.execute(command), status=201)


@router.post("", status_code=201, response_model=DefinitionView, summary="Declare a definition")
@guard(Action.DEFINITION_WRITE)
async def create(call: Call, body: CreateDefinition) -> Response:
    """Its content is validated and stored next; then it becomes active."""
    made = await call.execute(CreateDefinitionCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/lablet-definitions/{made.id}"})


@router.get("", response_model=Page[DefinitionView], summary="List definitions")
@guard(Action.DEFINITION_READ)
async def list_definitions(call: Call, page: ListRequest = list_parameters(DEFINITIONS, "Definition")) -> Response:
    """Every version."""
    return call.respond(await call.execute(ListDefinitionsQuery(call.principal, page)))


@router.get("/{definition_id}", response_model=DefinitionView, summary="Look at a definition")
@guard(Action.DEFINITION_READ)
async def get_definition(call: Call, definition_id: DefinitionId) -> Response:
    """With what was derived from its content, or the list of errors."""
    return call.respond(await call.execute(GetDefinitionQuery(call.principal, definition_id)))


@router.post("/{definition_id}/sync", response_model=DefinitionView, summary="Validate the content again")
@guard(Action.DEFINITION_WRITE)
async def sync(call: Call, definition_id: DefinitionId, body: Sync | None = None) -> Response:
    """Perhaps from another upload."""
    artifact = body.artifact_id if body else ""
    command = AskDefinitionCommand(call.principal, definition_id, DefinitionWish.SYNC, artifact, call.expected_version)
    return call.respond(await call.execute(command))


async def _ask(call: Call, definition_id: str, wish: DefinitionWish) -> Response:
    command = AskDefinitionCommand(call.principal, definition_id, wish, "", call.expected_version)
    return call.respond(await call.execute(command))


@router.post("/{definition_id}/deprecate", response_model=DefinitionView, summary="Take no new sessions")
@guard(Action.DEFINITION_WRITE)
async def deprecate(call: Call, definition_id: DefinitionId) -> Response:
    """Sessions pinned to it go on."""
    return await _ask(call, definition_id, DefinitionWish.DEPRECATE)


@router.post("/{definition_id}/reactivate", response_model=DefinitionView, summary="Take sessions again")
@guard(Action.DEFINITION_WRITE)
async def reactivate(call: Call, definition_id: DefinitionId) -> Response:
    """For a deprecated definition."""
    return await _ask(call, definition_id, DefinitionWish.REACTIVATE)


@router.post("/{definition_id}/archive", response_model=DefinitionView, summary="Archive a definition")
@guard(Action.DEFINITION_WRITE)
async def archive(call: Call, definition_id: DefinitionId) -> Response:
    """Kept as a record only."""
    return await _ask(call, definition_id, DefinitionWish.ARCHIVE)
