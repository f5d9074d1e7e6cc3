"""Manifests: YAML documents that ``apply`` and ``create`` turn into objects."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lcm_cli.errors import CliError, ExitCode
from lcm_core.contracts.definitions import CreateDefinition
from lcm_core.contracts.sessions import ReserveSession
from lcm_core.contracts.workers import CreateWorker, TemplateSpec


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TemplateManifest(_Manifest):
    """A worker template; applied again with the same name it is revised."""

    kind: Literal["WorkerTemplate"]
    spec: TemplateSpec


class WorkerManifest(_Manifest):
    """One worker, launched from a template; a worker of that name is left alone."""

    kind: Literal["Worker"]
    spec: CreateWorker


class DefinitionSource(_Manifest):
    """A definition without its artifact, which comes from ``package``."""

    model_config = ConfigDict(extra="allow")


class DefinitionManifest(_Manifest):
    """A definition; ``package`` is a zip file or a folder, relative to the manifest."""

    kind: Literal["LabletDefinition"]
    package: str = Field(min_length=1)
    spec: DefinitionSource

    def body(self, artifact_id: str) -> CreateDefinition:
        """The call's body. Raises ``CliError`` naming the field that is wrong."""
        try:
            return CreateDefinition.model_validate({**self.spec.model_dump(), "artifact_id": artifact_id})
        except ValidationError as error:
            raise CliError(_first_fault(error, "spec"), ExitCode.USAGE) from error


class SessionManifest(_Manifest):
    """A reservation."""

    kind: Literal["LabletSession"]
    spec: ReserveSession


Manifest = TemplateManifest | WorkerManifest | DefinitionManifest | SessionManifest
_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="kind")])


def read_manifests(path: Path) -> Iterator[Manifest]:
    """Every document of a file. Raises ``CliError`` naming file, document and field."""
    try:
        documents: list[Any] = [body for body in yaml.safe_load_all(path.read_text()) if body is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}", ExitCode.USAGE) from error
    except yaml.YAMLError as error:
        raise CliError(f"{path} is not YAML: {error}", ExitCode.USAGE) from error
    if not documents:
        raise CliError(f"{path} holds no document", ExitCode.USAGE)
    for number, body in enumerate(documents, start=1):
        try:
            yield _ADAPTER.validate_python(body)
        except ValidationError as error:
            raise CliError(_first_fault(error, f"{path}, document {number}"), ExitCode.USAGE) from error


def _first_fault(error: ValidationError, where: str) -> str:
    fault = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {field}: {fault['msg']}"


def package_bytes(path: Path) -> bytes:
    """A content package: a zip file as it is, a folder zipped. Raises ``CliError``."""
    if path.is_file():
        return path.read_bytes()
    if not path.is_dir():
        raise CliError(f"there is no package {path}", ExitCode.USAGE)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
            # A fixed time stamp: the same folder makes the same package, and so the same hash.
            entry = zipfile.ZipInfo(str(file.relative_to(path)), (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
