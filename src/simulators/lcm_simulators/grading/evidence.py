"""The evidence of a job: read from S3 and compared with its manifest."""

import asyncio
import hashlib

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lcm_core.content.rubric import EvidenceSource
from lcm_simulators.common.objects import ObjectReader
from lcm_simulators.grading.model import EvidenceRef, GradingError

_SOURCES = {"configuration": EvidenceSource.CONFIGURATION, "console_log": EvidenceSource.CONSOLE}
MANIFEST_LIMIT = 8 * 1024 * 1024
FILE_LIMIT = 8 * 1024 * 1024
TOTAL_LIMIT = 64 * 1024 * 1024
READS_AT_ONCE = 8


class EvidenceFile(BaseModel):
    """One file of the manifest; ``size`` in bytes."""

    model_config = ConfigDict(extra="ignore")

    device: str = Field(min_length=1)
    kind: str
    name: str = ""
    key: str = Field(min_length=1)
    sha256: str = ""
    size: int = Field(default=0, ge=0)


class Manifest(BaseModel):
    """What was collected of a lab."""

    model_config = ConfigDict(extra="ignore")

    session_id: str = ""
    files: list[EvidenceFile] = Field(max_length=10_000)


async def read_evidence(
    objects: ObjectReader, where: EvidenceRef, session_id: str
) -> dict[tuple[str, EvidenceSource], str]:
    """Text by device and kind; several files of one kind are joined.

    Raises ``GradingError`` for evidence that is not what its manifest says, ``ObjectMissingError`` for a file that is
    not there, ``ObjectStoreError`` when S3 does not answer.
    """
    manifest = _manifest(await objects.read(where.bucket, where.manifest_key, MANIFEST_LIMIT), where, session_id)
    files = [file for file in manifest.files if file.kind in _SOURCES]
    if not files:
        raise GradingError(f"the manifest {where.manifest_key} names no configuration and no console log")
    if sum(file.size for file in files) > TOTAL_LIMIT:
        raise GradingError(f"the evidence is larger than the {TOTAL_LIMIT} bytes that are read")
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(file: EvidenceFile) -> str:
        async with gate:
            content = await objects.read(where.bucket, file.key, FILE_LIMIT)
        if file.sha256 and hashlib.sha256(content).hexdigest() != file.sha256:
            raise GradingError(f"{file.key} is not the file that was collected: its hash differs from the manifest's")
        return plain(content.decode("utf-8", errors="replace"))

    texts: dict[tuple[str, EvidenceSource], list[str]] = {}
    for file, text in zip(files, await asyncio.gather(*(read(file) for file in files)), strict=True):
        texts.setdefault((file.device, _SOURCES[file.kind]), []).append(text)
    return {key: "\n".join(parts) for key, parts in texts.items()}


def plain(text: str) -> str:
    """Consoles end lines with a carriage return as well, which would keep ``$`` from matching."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _manifest(content: bytes, where: EvidenceRef, session_id: str) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise GradingError(f"the manifest {where.manifest_key} cannot be used: {place}: {first['msg']}") from error
    if manifest.session_id not in ("", session_id):
        raise GradingError(f"the manifest {where.manifest_key} is of session {manifest.session_id}, not {session_id}")
    return manifest
