"""The LabletDefinition aggregate: an immutable, versioned template of a lab."""

from datetime import datetime

from control_plane_api.kernel.aggregate import Resource, ResourceEvent
from control_plane_api.kernel.errors import RuleError
from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import (
    DefinitionSpec,
    DefinitionStatus,
    DerivedContent,
    Requirements,
    SyncResult,
    SyncStatus,
)
from lcm_core.domain import DEFINITION_STATES
from lcm_core.domain.vocabulary import DefinitionPhase, Kind


class DefinitionChanged(ResourceEvent):
    """A definition was created, synced, activated, deprecated or archived."""

    change: str
    phase: DefinitionPhase
    message: str = ""

    def cloud_event_type(self) -> str:
        """One type per change."""
        return f"lcm.definition.{self.change}.v1"


class DefinitionRuleError(RuleError):
    """A request that the definition's present state does not allow; ``code`` names the rule."""


class LabletDefinition(Resource[DefinitionSpec, DefinitionStatus]):
    """State and rules of one definition version."""

    KIND = Kind.DEFINITION
    SPEC = DefinitionSpec
    STATUS = DefinitionStatus

    @classmethod
    def declare(cls, definition_id: str, spec: DefinitionSpec, created_by: str, now: datetime) -> "LabletDefinition":
        """Declare a version; the lablet controller validates and stores its content next."""
        status = DefinitionStatus(
            sync=SyncStatus(state="requested", requested_at=now), message="Content waits to be validated."
        )
        definition = cls.create(definition_id, spec, status, created_by, now)
        definition.record(DefinitionChanged(change="declared", phase=DefinitionPhase.PENDING_SYNC))
        return definition

    @property
    def phase(self) -> DefinitionPhase:
        """Where the definition stands."""
        return self.status.phase

    def synced(self, result: SyncResult, now: datetime) -> None:
        """Take the verdict on the content: active with derived facts, or still pending with an error list."""
        if self.phase is not DefinitionPhase.PENDING_SYNC:
            raise DefinitionRuleError(
                "Immutable", f"Definition {self.key} is {self.phase}; a changed content needs a new version."
            )
        if result.waiting:
            self.status.reason, self.status.message = "ContentWaits", result.message
            self.record(DefinitionChanged(change="sync_waits", phase=self.phase, message=result.message))
            return
        sync = SyncStatus(state="failed", requested_at=self.status.sync.requested_at, finished_at=now)
        self.status.observed_generation = result.observed_generation
        if result.content is None or result.errors:
            sync.errors = result.errors
            self.status.sync = sync
            self.status.reason = "ContentInvalid"
            self.status.message = result.message or f"The package has {len(result.errors)} errors."
            self.record(DefinitionChanged(change="sync_failed", phase=self.phase, message=self.status.message))
            return
        sync.state = "succeeded"
        self.status.sync = sync
        self.status.content = result.content
        self.status.requirements = resolve_requirements(self.spec.requirements, result.content)
        self._move(DefinitionPhase.ACTIVE, "activated", result.message or "Content validated and stored.")

    def request_sync(self, now: datetime, artifact_id: str = "") -> None:
        """Ask for the content to be validated again, perhaps from another upload.

        The content of an active definition stays; its bucket is looked at for other content, which makes a new version.
        """
        if self.phase is DefinitionPhase.ACTIVE and not artifact_id:
            self.touch_spec()
            self.spec.check_requested_at = now
            self.record(DefinitionChanged(change="check_requested", phase=self.phase))
            return
        if self.phase is not DefinitionPhase.PENDING_SYNC:
            raise DefinitionRuleError(
                "Immutable", f"Definition {self.key} is {self.phase}; upload a new version instead."
            )
        self.touch_spec()
        self.spec.sync_requested_at = now
        if artifact_id:
            self.spec.artifact_id = artifact_id
        self.status.sync = SyncStatus(state="requested", requested_at=now)
        self.record(DefinitionChanged(change="sync_requested", phase=self.phase))

    def checked(self, requested_at: datetime, message: str, now: datetime) -> None:
        """The bucket was looked at; what came of it."""
        self.status.sync.check_answered = requested_at
        self.status.sync.checked_at = now
        self.status.sync.check_message = message
        self.record(DefinitionChanged(change="checked", phase=self.phase, message=message))

    def deprecate(self, replaced_by: str = "") -> None:
        """Take no new sessions; those pinned to it go on."""
        self.status.replaced_by = replaced_by
        self._move(DefinitionPhase.DEPRECATED, "deprecated", "Takes no new sessions.")

    def reactivate(self) -> None:
        """Take sessions again."""
        self.status.replaced_by = ""
        self._move(DefinitionPhase.ACTIVE, "reactivated", "Takes sessions again.")

    def archive(self) -> None:
        """Keep it as a record only."""
        self._move(DefinitionPhase.ARCHIVED, "archived", "Kept as a record.")

    def _move(self, to: DefinitionPhase, change: str, message: str) -> None:
        DEFINITION_STATES.require(self.phase, to)
        self.status.phase = to
        self.status.reason = change.capitalize()
        self.status.message = message
        self.record(DefinitionChanged(change=change, phase=to, message=message))


def resolve_requirements(declared: Requirements, content: DerivedContent) -> Resources:
    """Declared amounts where given, else the estimate; nodes always come from the topology."""
    return Resources(
        cores=declared.cores or content.estimated.cores,
        memory_mb=declared.memory_mb or content.estimated.memory_mb,
        storage_gb=declared.storage_gb or content.estimated.storage_gb,
        nodes=content.node_count,
    )
