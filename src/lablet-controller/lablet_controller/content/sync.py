"""Content sync: a package is checked, stored under its hash, and the definition learns what is in it.

Packages are uploaded, or put into the bucket of their form by others: then the bucket is looked at on request.
"""

import asyncio
import hashlib
import re
from contextlib import suppress

from lablet_controller.caches import PACKAGE_LIMIT
from lablet_controller.content.package import ContentPackage, bucket_of, derive, read_package
from lablet_controller.outside import Deps
from lcm_core.clients.errors import Conflict, NotFound
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentCheck, DefinitionView, StoredPackage, SyncResult
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import DefinitionPhase
from lcm_core.spi.errors import OutsideError, OutsideNotFound, OutsideRefused

REQUESTED = frozenset({"requested", "pending"})
PACKAGES = "packages/"
FOUND_LIMIT = 200
_HASH_NAME = re.compile(rf"{PACKAGES}([0-9a-f]{{64}})\.zip")


def check_wanted(definition: DefinitionView) -> bool:
    """Whether somebody asked to look for other content, and nobody has answered."""
    asked, answered = definition.spec.check_requested_at, definition.status.sync.check_answered
    active = definition.status.phase is DefinitionPhase.ACTIVE
    return active and asked is not None and (answered is None or answered < asked)


class ContentReconciler:
    """Reconciles definitions that wait for a verdict on their content."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def reconcile(self, key: str) -> Outcome:
        """Look at one definition."""
        try:
            definition = await self._deps.control_plane.definition(key)
        except NotFound:
            return Outcome.done("Gone", "The definition does not exist any more.")
        if check_wanted(definition):
            return await self._check(definition)
        if definition.status.phase is not DefinitionPhase.PENDING_SYNC:
            return Outcome.done("Settled", f"The definition is {definition.status.phase}.")
        if definition.status.sync.state not in REQUESTED:
            return Outcome.done("WaitsForAuthor", "The content was refused; a new upload or sync is needed.")
        try:
            result = await self._judge(definition)
        except RetryableError as error:
            await self._tell_reason(definition, error)
            raise
        try:
            await self._deps.control_plane.sync_result(key, result)
        except Conflict as error:
            return Outcome.done("Overtaken", error.sentence)
        if result.errors:
            return Outcome.done("ContentInvalid", f"The package has {len(result.errors)} errors.")
        return Outcome.done("ContentStored", result.message)

    async def _check(self, definition: DefinitionView) -> Outcome:
        """Tell which packages the bucket holds; the control plane knows which of them are new."""
        asked = definition.spec.check_requested_at
        assert asked is not None  # decided so
        try:
            found = await self._deps.outside.store.list(
                bucket_of(definition.spec.form_qualified_name), PACKAGES, FOUND_LIMIT
            )
        except OutsideRefused as error:
            body = ContentCheck(requested_at=asked, message=str(error)[:2000])
        except OutsideError as error:
            raise RetryableError("ContentStoreUnavailable", str(error)) from error
        else:
            packages = [
                StoredPackage(key=each.key, etag=each.etag, modified=each.modified)
                for each in found
                if each.key.endswith(".zip")
            ]
            body = ContentCheck(requested_at=asked, found=packages)
        try:
            await self._deps.control_plane.content_check(definition.id, body)
        except Conflict as error:
            return Outcome.done("Overtaken", error.sentence)
        return Outcome.done("BucketRead", body.message or f"The bucket holds {len(body.found)} packages.")

    async def _tell_reason(self, definition: DefinitionView, error: RetryableError) -> None:
        """Show on the definition what its content waits for, once per reason."""
        if definition.status.message == error.sentence:
            return
        waiting = SyncResult(
            observed_generation=definition.status.observed_generation, message=error.sentence[:2000], waiting=True
        )
        with suppress(Conflict):
            await self._deps.control_plane.sync_result(definition.id, waiting)

    async def _judge(self, definition: DefinitionView) -> SyncResult:
        generation = definition.generation
        try:
            content = await self._content(definition)
            # Parsing a large package takes a while; leases and other reconciles must not wait for it.
            package = await asyncio.to_thread(read_package, content)
        except ContentRefused as refused:
            message = f"The package was refused: {refused}"[:2000]
            return SyncResult(observed_generation=generation, errors=list(refused.errors), message=message)
        return await self._store(definition, package, content)

    async def _content(self, definition: DefinitionView) -> bytes:
        """The package as it was uploaded, or put into the bucket. Raises ``ContentRefused``, ``RetryableError``."""
        source = definition.spec.package
        if source is None:
            try:
                return await self._deps.control_plane.artifact_content(definition.spec.artifact_id)
            except NotFound as error:
                message = "the upload has expired; upload the package again"
                raise ContentRefused.one("", "artifact_id", message) from error
        bucket = bucket_of(definition.spec.form_qualified_name)
        try:
            content = await self._deps.outside.store.get(bucket, source.key, PACKAGE_LIMIT)
        except (OutsideNotFound, OutsideRefused) as error:
            raise ContentRefused.one("", "package", str(error)) from error
        except OutsideError as error:
            raise RetryableError("ContentStoreUnavailable", str(error)) from error
        named = _HASH_NAME.fullmatch(source.key)
        if named and named.group(1) != hashlib.sha256(content).hexdigest():
            message = f"s3://{bucket}/{source.key} is named after a hash that its content does not have"
            raise ContentRefused.one("", "package", message)
        return content

    async def _store(self, definition: DefinitionView, package: ContentPackage, content: bytes) -> SyncResult:
        store = self._deps.outside.store
        bucket = bucket_of(definition.spec.form_qualified_name)
        package_key = f"{PACKAGES}{package.sha256}.zip"
        rubric_key = f"{PACKAGES}{package.sha256}/rubric.yaml" if package.rubric else ""
        try:
            await store.ensure_bucket(bucket)
            if definition.spec.package is None or definition.spec.package.key != package_key:
                await store.put(bucket, package_key, content, "application/zip")
            if rubric_key:
                await store.put(bucket, rubric_key, package.rubric_text.encode(), "application/yaml")
        except OutsideError as error:
            raise RetryableError("ContentStoreUnavailable", str(error)) from error
        derived = derive(package, bucket, package_key, rubric_key)
        refreshed = await self._refresh_delivery(definition)
        if refreshed:
            derived.upstream["lds_version"] = refreshed
        message = f"Content validated and stored: {len(package.topology.nodes)} nodes, {len(package.ports)} ports."
        return SyncResult(observed_generation=definition.generation, content=derived, message=message)

    async def _refresh_delivery(self, definition: DefinitionView) -> str:
        """The delivery system's version of the content; the sync waits for it, because learners see what it holds."""
        versions: list[str] = []
        try:
            for delivery in self._deps.outside.deliveries.all:
                versions.append(await delivery.refresh_content(definition.spec.form_qualified_name))
        except OutsideRefused as error:
            raise RetryableError("DeliveryRefusedContent", str(error), after=10.0) from error
        except OutsideError as error:
            raise RetryableError("DeliveryUnavailable", str(error)) from error
        return ", ".join(dict.fromkeys(versions))
