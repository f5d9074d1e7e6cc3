"""The body of an upload: chunked by the AWS SDK or plain, with checksums in headers or in a trailer."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

from lcm_simulators.ec2.errors import AwsError

CHECKSUM = "x-amz-checksum-"
_HEX_SHA256 = 64


def _crc32(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


_VERIFIED: dict[str, Callable[[bytes], bytes]] = {
    "crc32": _crc32,
    "sha1": lambda content: hashlib.sha1(content, usedforsecurity=False).digest(),
    "sha256": lambda content: hashlib.sha256(content).digest(),
}
"""CRC-32C and CRC-64/NVME are kept as given: no fast implementation comes with Python."""
ALGORITHMS = (*_VERIFIED, "crc32c", "crc64nvme")


def received(headers: Mapping[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
    """Content and checksums (algorithm to base64) of an upload, verified. Raises `AwsError`."""
    declared = headers.get("x-amz-content-sha256", "")
    trailer: dict[str, str] = {}
    if declared.startswith("STREAMING-") or "aws-chunked" in headers.get("content-encoding", ""):
        body, trailer = unchunked(body)
    elif len(declared) == _HEX_SHA256 and hashlib.sha256(body).hexdigest() != declared:
        raise AwsError(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    length = headers.get("x-amz-decoded-content-length", "")
    if length.isdigit() and int(length) != len(body):
        raise AwsError("IncompleteBody", "You did not provide the number of bytes specified by the header.")
    _check_md5(headers.get("content-md5", ""), body)
    given = {**headers, **trailer}
    checksums = {name: given[CHECKSUM + name] for name in ALGORITHMS if given.get(CHECKSUM + name)}
    for name, value in checksums.items():
        if name in _VERIFIED and base64.b64encode(_VERIFIED[name](body)).decode() != value:
            raise AwsError("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
    return body, checksums


def _check_md5(declared: str, body: bytes) -> None:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    if declared and base64.b64encode(digest).decode() != declared:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def unchunked(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Content and trailer of an `aws-chunked` body. Raises `AwsError` when it is cut off or malformed."""
    parts: list[bytes] = []
    position = 0
    while True:
        end = body.find(b"\r\n", position)
        size_text = body[position:end].split(b";")[0].strip() if end >= 0 else b""
        try:
            size = int(size_text, 16)
        except ValueError as error:
            raise AwsError("IncompleteBody", "A chunk of the body has no valid size.") from error
        position = end + 2
        if size == 0:
            return b"".join(parts), _trailer(body[position:])
        chunk = body[position : position + size]
        if len(chunk) < size:
            raise AwsError("IncompleteBody", "The body ends within a chunk.")
        parts.append(chunk)
        position += size + 2


def _trailer(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
