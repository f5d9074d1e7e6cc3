"""Content that others put into the bucket of a form becomes the next version of its definition."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.application.definition.commands.definition_commands import (
    VERSIONS_LIMIT,
    definition_id,
    numbers,
)
from control_plane_api.application.ports import ListQuery
from control_plane_api.domain.definition.definition import LabletDefinition
from lcm_core.contracts.common import Written
from lcm_core.contracts.definitions import ContentCheck, StoredPackage
from lcm_core.domain.vocabulary import DefinitionPhase

_UNJUDGED = frozenset({"requested", "pending"})


@dataclass(frozen=True, slots=True)
class RecordContentCheckCommand(BaseCommand[Written]):
    """What the lablet controller found in the bucket of a definition."""

    definition_id: str
    body: ContentCheck


class RecordContentCheckHandler(Handler[RecordContentCheckCommand, Written]):
    """Declares the next version for a package that no version knows; repeating it finds the version it declared."""

    async def handle_async(self, request: RecordContentCheckCommand) -> Written:
        """Where the definition stands now. Raises ``NotFoundError`` for an unknown one."""
        checked = await self._deps.definitions.get(request.definition_id)
        message = request.body.message or await self._take(checked, request)

        def mutate(definition: LabletDefinition) -> None:
            definition.checked(request.body.requested_at, message, self._deps.clock.now())

        definition = await self._deps.definitions.update(request.definition_id, mutate)
        return written(definition, definition.phase)

    async def _take(self, checked: LabletDefinition, request: RecordContentCheckCommand) -> str:
        """Declare what is new; answers one sentence."""
        wanted = {"spec.form_qualified_name": checked.spec.form_qualified_name}
        versions = (await self._deps.definitions.list(ListQuery(filters=wanted, limit=VERSIONS_LIMIT))).items
        for known in versions:
            if known.phase is DefinitionPhase.PENDING_SYNC and known.status.sync.state in _UNJUDGED:
                return f"Version {known.spec.semantic_version} of {known.spec.name} waits for its verdict first."
        fresh = new_package(request.body.found, versions)
        if fresh is None:
            return f"The bucket holds {len(request.body.found)} packages and nothing new."
        named = (
            await self._deps.definitions.list(ListQuery(filters={"spec.name": checked.spec.name}, limit=VERSIONS_LIMIT))
        ).items
        return await self._declare(checked, fresh, named, request.principal.actor)

    async def _declare(
        self, checked: LabletDefinition, fresh: StoredPackage, named: Sequence[LabletDefinition], actor: str
    ) -> str:
        now = self._deps.clock.now()
        major, minor, patch = max(numbers(known.spec.semantic_version) for known in named)
        version = f"{major}.{minor}.{patch + 1}"
        spec = checked.spec.model_copy(
            update={
                "semantic_version": version,
                "artifact_id": "",
                "package": fresh,
                "sync_requested_at": now,
                "check_requested_at": None,
            }
        )
        key = definition_id(spec.name, version)
        await self._deps.definitions.add(LabletDefinition.declare(key, spec, actor, now))
        return f"Version {version} is made of {fresh.key}."


def new_package(found: Sequence[StoredPackage], versions: Sequence[LabletDefinition]) -> StoredPackage | None:
    """The newest package, unless a version knows it or a newer one: what was there before is history."""
    keys = {known.status.content.package_key for known in versions if known.status.content is not None}
    sources = {
        (known.spec.package.key, known.spec.package.etag) for known in versions if known.spec.package is not None
    }
    known = [each for each in found if each.key in keys or (each.key, each.etag) in sources]
    latest = max((each.modified for each in known), default=None)
    fresh = [each for each in found if each not in known and (latest is None or each.modified >= latest)]
    return max(fresh, key=lambda each: (each.modified, each.key), default=None)
