"""Reading a zip that a stranger made: bounded in every direction, nothing is written to disk."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError

PACKAGE = "package"
_LOCAL_HEADER_SYMLINK = 16
_DIRECTORY_ENTRY = b"PK\x01\x02"
_ENTRIES_PER_FILE = 4
"""Folders have entries too, and a zip inside the package brings its own."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What a package may hold. ``ratio`` is how many times a file may be larger than its compressed form."""

    archive_bytes: int = 32 * 1024 * 1024
    entries: int = 2000
    file_bytes: int = 16 * 1024 * 1024
    total_bytes: int = 128 * 1024 * 1024
    ratio: int = 200
    name_length: int = 240


DEFAULT_LIMITS = ArchiveLimits()
RATIO_FREE_BYTES = 1024 * 1024
"""Text of this size compresses as well as it likes."""


def read_archive(content: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> Mapping[str, bytes]:
    """Every file of a package by its path. Raises ``ContentRefused`` with every fault that was found."""
    if len(content) > limits.archive_bytes:
        raise _refused(f"the package has {len(content)} bytes, the limit is {limits.archive_bytes}")
    # Python reads the whole directory of a zip at once, and each of its entries takes a kilobyte of memory.
    if content.count(_DIRECTORY_ENTRY) > _ENTRIES_PER_FILE * limits.entries:
        raise _refused(f"the package has more entries than {limits.entries} files need")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            _check_entries(entries, limits)
            return _read_all(archive, entries, limits)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise _refused(f"not a readable zip: {error}") from error


def _check_entries(entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(entries) > limits.entries:
        raise _refused(f"the package has {len(entries)} files, the limit is {limits.entries}")
    errors: list[ContentError] = []
    seen: set[str] = set()
    for entry in entries:
        problem = _problem(entry, limits)
        if not problem and entry.filename.casefold() in seen:
            problem = "the file appears twice"
        seen.add(entry.filename.casefold())
        if problem:
            errors.append(ContentError(file=entry.filename[:200], field=PACKAGE, message=problem))
    total = sum(entry.file_size for entry in entries)
    if total > limits.total_bytes:
        errors.append(
            ContentError(field=PACKAGE, message=f"{total} bytes when unpacked, the limit is {limits.total_bytes}")
        )
    if errors:
        raise ContentRefused(errors)


def _problem(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    """Why one entry is not acceptable, empty when it is."""
    name = entry.orig_filename  # ``filename`` is cut at a NUL, which must not hide what follows
    path = PurePosixPath(name)
    if not name:
        return "the file has no name"
    if len(name) > limits.name_length:
        return f"the name is longer than {limits.name_length} characters"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "the name holds a character that is not allowed in a path"
    if path.is_absolute() or ".." in path.parts or name.startswith("~"):
        return "the name leads out of the package"
    if stat.S_ISLNK(entry.external_attr >> _LOCAL_HEADER_SYMLINK):
        return "symbolic links are not allowed"
    if entry.flag_bits & 0x1:
        return "encrypted files are not allowed"
    if entry.compress_type not in _METHODS:
        return "only stored and deflated files are allowed"
    if entry.file_size > limits.file_bytes:
        return f"{entry.file_size} bytes, the limit is {limits.file_bytes}"
    if entry.file_size > RATIO_FREE_BYTES and entry.file_size > limits.ratio * max(1, entry.compress_size):
        return f"unpacks to more than {limits.ratio} times its size, which is what a zip bomb does"
    return ""


def _read_all(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> dict[str, bytes]:
    """The bytes of every entry, never more than its header promises, whatever the stream holds."""
    files: dict[str, bytes] = {}
    for entry in entries:
        with archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
        if len(content) > min(entry.file_size, limits.file_bytes):
            raise _refused(f"{entry.filename[:200]} is larger than its header says")
        files[entry.filename] = content
    return files


def _refused(message: str) -> ContentRefused:
    return ContentRefused.one("", PACKAGE, message)
