"""Commands on definitions."""

import re
from dataclasses import dataclass
from enum import StrEnum

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.application.errors import ConflictError, InvalidError
from control_plane_api.application.ports import ListQuery
from control_plane_api.domain.definition.definition import LabletDefinition
from control_plane_api.kernel.identifiers import made_before
from lcm_core.contracts.common import Written
from lcm_core.contracts.definitions import CreateDefinition, DefinitionSpec, DefinitionView, SyncResult
from lcm_core.domain.vocabulary import DefinitionPhase

VERSIONS_LIMIT = 200
"""Active versions of one name that are looked at; there is one, unless somebody reactivated older ones."""


def definition_id(name: str, version: str) -> str:
    """The id of a definition version: readable, and unique because name and version are."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{slug}-{version}"


@dataclass(frozen=True, slots=True)
class CreateDefinitionCommand(BaseCommand[DefinitionView]):
    """Declare a version."""

    body: CreateDefinition


class CreateDefinitionHandler(Handler[CreateDefinitionCommand, DefinitionView]):
    """Checks the artifact, stores the declaration; the lablet controller validates the content."""

    async def handle_async(self, request: CreateDefinitionCommand) -> DefinitionView:
        """The new definition. Raises for an unknown artifact or a taken version."""
        require(request.principal, Action.DEFINITION_WRITE)
        body = request.body
        if await self._deps.artifacts.find(body.artifact_id) is None:
            raise InvalidError.field(
                "UnknownArtifact", "artifact_id", f"there is no uploaded artifact {body.artifact_id}; upload it first"
            )
        now = self._deps.clock.now()
        spec = DefinitionSpec(**body.model_dump(), sync_requested_at=now)
        key = definition_id(body.name, body.semantic_version)
        definition = LabletDefinition.declare(key, spec, request.principal.actor, now)
        if not await self._deps.definitions.add(definition):
            if not made_before():
                raise ConflictError(
                    "VersionTaken",
                    f"{body.name} {body.semantic_version} exists already and is immutable; choose the next version.",
                )
            definition = await self._deps.definitions.get(key)
        await self._deps.artifacts.keep(body.artifact_id)
        return definition.view(DefinitionView)


class DefinitionWish(StrEnum):
    """What may be asked of a definition."""

    SYNC = "sync"
    DEPRECATE = "deprecate"
    REACTIVATE = "reactivate"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class AskDefinitionCommand(BaseCommand[DefinitionView]):
    """Ask something of a definition."""

    definition_id: str
    wish: DefinitionWish
    artifact_id: str = ""
    expected_version: int | None = None


class AskDefinitionHandler(Handler[AskDefinitionCommand, DefinitionView]):
    """Checks the rule on the aggregate and stores the change."""

    async def handle_async(self, request: AskDefinitionCommand) -> DefinitionView:
        """Answers the definition after the change."""
        require(request.principal, Action.DEFINITION_WRITE)
        if request.artifact_id and await self._deps.artifacts.find(request.artifact_id) is None:
            raise InvalidError.field(
                "UnknownArtifact", "artifact_id", f"there is no uploaded artifact {request.artifact_id}"
            )

        def mutate(definition: LabletDefinition) -> None:
            match request.wish:
                case DefinitionWish.SYNC:
                    definition.request_sync(self._deps.clock.now(), request.artifact_id)
                case DefinitionWish.DEPRECATE:
                    definition.deprecate()
                case DefinitionWish.REACTIVATE:
                    definition.reactivate()
                case DefinitionWish.ARCHIVE:
                    definition.archive()

        definition = await self._deps.definitions.update(
            request.definition_id, mutate, expected_version=request.expected_version
        )
        return definition.view(DefinitionView)


@dataclass(frozen=True, slots=True)
class RecordSyncCommand(BaseCommand[Written]):
    """The lablet controller's verdict on a definition's content."""

    definition_id: str
    body: SyncResult


class RecordSyncHandler(Handler[RecordSyncCommand, Written]):
    """Deprecates the older active versions of the same name, then activates this one.

    In this order a crash between the writes is completed by the controller's repetition: it repeats until this version
    is active.
    """

    async def handle_async(self, request: RecordSyncCommand) -> Written:
        """Where the definition stands now."""
        if request.body.content is not None and not request.body.errors:
            await self._deprecate_older(request.definition_id)

        def mutate(definition: LabletDefinition) -> None:
            known = definition.status.content
            same = known is not None and request.body.content == known
            if same and definition.phase is not DefinitionPhase.PENDING_SYNC:
                return
            definition.synced(request.body, self._deps.clock.now())

        definition = await self._deps.definitions.update(
            request.definition_id, mutate, expected_version=request.body.expected_version
        )
        return written(definition, definition.phase)

    async def _deprecate_older(self, definition_id: str) -> None:
        fresh = await self._deps.definitions.get(definition_id)
        if fresh.phase is not DefinitionPhase.PENDING_SYNC:
            return
        wanted = {"spec.name": fresh.spec.name, "status.phase": str(DefinitionPhase.ACTIVE)}
        active = (await self._deps.definitions.list(ListQuery(filters=wanted, limit=VERSIONS_LIMIT))).items

        def mutate(older: LabletDefinition) -> None:
            if older.phase is DefinitionPhase.ACTIVE:
                older.deprecate(replaced_by=definition_id)

        for known in active:
            if numbers(known.spec.semantic_version) < numbers(fresh.spec.semantic_version):
                await self._deps.definitions.update(known.key, mutate)


def numbers(version: str) -> tuple[int, ...]:
    """A semantic version, so that versions compare."""
    return tuple(int(part) for part in version.split("."))
