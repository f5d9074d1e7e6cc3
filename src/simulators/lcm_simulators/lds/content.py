"""Lab folders: what a content package holds for the learner, and where it is in S3."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree
from pydantic import BaseModel, Field

from lcm_core.content.document import DocumentLimits, parse_document
from lcm_core.content.errors import ContentRefused
from lcm_simulators.common.objects import ObjectInfo

META_FILE, DEVICES_FILE = "mosaic_meta.json", "content.xml"
PREFIX, SUFFIX = "packages/", ".zip"
BUCKET_LENGTH = 63
PACKAGE_LIMIT = 64 * 1024 * 1024
TASK_LIMIT = 256 * 1024
FILE_LIMIT = 1024 * 1024
TASKS_LIMIT = 100
_TASK = re.compile(r"tasks/[^/].*\.(md|txt)", re.IGNORECASE)


class ContentError(ValueError):
    """A package cannot be read; the message says why."""


class Task(BaseModel):
    """One text of the folder ``tasks``."""

    name: str
    text: str


class LabContent(BaseModel):
    """What the learner sees of a package; ``categories`` by device label."""

    title: str = ""
    tasks: list[Task] = Field(default_factory=list)
    categories: dict[str, str] = Field(default_factory=dict)


class LabFolder(BaseModel):
    """The content of one form as of its last refresh; ``size`` in bytes."""

    form_qualified_name: str
    version: str
    size: int
    refreshed_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


def bucket_of(form_qualified_name: str) -> str:
    """The bucket of a form: its slug, cut to what S3 accepts (a hash keeps cut names apart)."""
    slug = re.sub(r"[^a-z0-9]+", "-", form_qualified_name.lower()).strip("-")
    if len(slug) > BUCKET_LENGTH:
        digest = hashlib.sha256(form_qualified_name.encode()).hexdigest()[:8]
        slug = f"{slug[: BUCKET_LENGTH - 9].rstrip('-')}-{digest}"
    return slug if len(slug) >= 3 else f"lcm-{slug}"


def newest_package(objects: Sequence[ObjectInfo], known_version: str) -> ObjectInfo | None:
    """The package uploaded last; None when there is none.

    S3 tells time in whole seconds, so among packages of the same second the one that is not known yet is newer.
    """
    packages = [found for found in objects if found.key.endswith(SUFFIX) and found.key.count("/") == 1]
    return max(packages, key=lambda found: (found.changed, version_of(found.key) != known_version), default=None)


def version_of(key: str) -> str:
    """The version of a package: the hash in its key."""
    return key.removeprefix(PREFIX).removesuffix(SUFFIX)


def read_content(package: bytes) -> LabContent:
    """The learner's part of a package. Raises ``ContentError``.

    Only what is shown is unpacked, never more of it than the limits allow.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            names = sorted((name for name in archive.namelist() if _TASK.fullmatch(name)), key=_natural)
            texts = [_bytes(archive, name, TASK_LIMIT).decode("utf-8-sig", "replace") for name in names[:TASKS_LIMIT]]
            tasks = [Task(name=_task_name(name), text=text) for name, text in zip(names, texts, strict=False)]
            present = set(archive.namelist())
            title = _title(_bytes(archive, META_FILE, FILE_LIMIT)) if META_FILE in present else ""
            devices = _categories(_bytes(archive, DEVICES_FILE, FILE_LIMIT)) if DEVICES_FILE in present else {}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ContentError(f"the package is not a readable zip: {error}") from error
    return LabContent(title=title, tasks=tasks, categories=devices)


def _bytes(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as stream:
        return stream.read(limit)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts ``task-10`` behind ``task-9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _task_name(path: str) -> str:
    """A title made of a file name: ``tasks/01-create_vlans.md`` is ``Create vlans``."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    words = re.sub(r"[-_\s]+", " ", re.sub(r"^\d+[-_. ]+", "", stem)).strip()
    return words[:1].upper() + words[1:] or stem


def _title(content: bytes) -> str:
    try:
        meta = parse_document(content, META_FILE, DocumentLimits(bytes=FILE_LIMIT, values=5_000, depth=10)).value
    except ContentRefused as error:
        raise ContentError(str(error)) from error
    return str(meta.get("title") or "")[:200] if isinstance(meta, dict) else ""


def _categories(content: bytes) -> dict[str, str]:
    """Device categories of ``content.xml``; document types and entities are refused."""
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ContentError(f"{DEVICES_FILE} cannot be read: {error!r}") from error
    return {
        entry.attrib["device_label"]: entry.attrib.get("category", "")
        for entry in root.iter()
        if entry.attrib.get("device_label")
    }
