"""Trees as CBOR (RFC 8949), as far as AWS's RPC protocol uses it: no big numbers, one tag for instants."""

import math
import struct
from datetime import UTC, datetime

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.wire.query import Tree

_EPOCH_TAG = 1
_INDEFINITE = 31
_BREAK = object()
_MAX_DEPTH = 64
_SIMPLE: dict[int, object] = {20: False, 21: True, 22: None, 23: None}
_WIDTHS = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


def encode(value: object) -> bytes:
    """Write one value. Raises `TypeError` for a type that has no form here."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            raw = value.encode()
            return _head(3, len(raw)) + raw
        case bytes():
            return _head(2, len(value)) + value
        case datetime():
            return _head(6, _EPOCH_TAG) + encode(value.timestamp())
        case list():
            return _head(4, len(value)) + b"".join(encode(entry) for entry in value)
        case dict():
            pairs = [encode(name) + encode(entry) for name, entry in value.items() if entry is not None]
            return _head(5, len(pairs)) + b"".join(pairs)
    raise TypeError(f"{type(value).__name__} has no CBOR form")


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for extra, width in _WIDTHS.items():
        if number < 1 << 8 * struct.calcsize(width):
            return bytes([major << 5 | extra]) + struct.pack(width, number)
    raise OverflowError("the number has more than 64 bits")


def decode_tree(body: bytes) -> Tree:
    """Read a request; an empty body is an empty tree. Raises `AwsError`."""
    try:
        tree = _Reader(body).value() if body else {}
    except (IndexError, struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise AwsError("SerializationException", f"the body is no CBOR: {error}") from error
    if not isinstance(tree, dict):
        raise AwsError("SerializationException", "the body must be a map")
    return tree


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def value(self, depth: int = 0) -> object:
        """The next value; `_BREAK` at the end of an indefinite one."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        major, extra = divmod(self._take(1)[0], 32)
        if major == 7:
            return self._simple(extra)
        if major in (2, 3):
            raw = self._string(major, extra, depth)
            return raw if major == 2 else raw.decode()
        if major == 4:
            return self._entries(extra, depth)
        if major == 5:
            return self._map(extra, depth)
        number = self._number(extra)
        if major == 6:
            return self._tagged(number, depth)
        return number if major == 0 else -1 - number

    def _take(self, size: int) -> bytes:
        raw = self._data[self._at : self._at + size]
        if len(raw) < size:
            raise ValueError("it ends too early")
        self._at += size
        return raw

    def _number(self, extra: int) -> int:
        if extra < 24:
            return extra
        if extra not in _WIDTHS:
            raise ValueError(f"reserved length {extra}")
        width = _WIDTHS[extra]
        return int(struct.unpack(width, self._take(struct.calcsize(width)))[0])

    def _simple(self, extra: int) -> object:
        if extra in _FLOATS:
            width = _FLOATS[extra]
            return float(struct.unpack(width, self._take(struct.calcsize(width)))[0])
        if extra == _INDEFINITE:
            return _BREAK
        if extra not in _SIMPLE:
            raise ValueError(f"unknown simple value {extra}")
        return _SIMPLE[extra]

    def _string(self, major: int, extra: int, depth: int) -> bytes:
        if extra != _INDEFINITE:
            return self._take(self._number(extra))
        parts: list[bytes] = []
        while (part := self.value(depth + 1)) is not _BREAK:
            if not isinstance(part, bytes if major == 2 else str):
                raise ValueError("a string in parts must consist of strings")
            parts.append(part if isinstance(part, bytes) else part.encode())
        return b"".join(parts)

    def _entries(self, extra: int, depth: int) -> list[object]:
        if extra != _INDEFINITE:
            return [self.value(depth + 1) for _ in range(self._number(extra))]
        found: list[object] = []
        while (entry := self.value(depth + 1)) is not _BREAK:
            found.append(entry)
        return found

    def _map(self, extra: int, depth: int) -> Tree:
        left = math.inf if extra == _INDEFINITE else self._number(extra)
        found: Tree = {}
        while left > 0 and (name := self.value(depth + 1)) is not _BREAK:
            if not isinstance(name, str):
                raise ValueError("the names of a map must be text")
            found[name] = self.value(depth + 1)
            left -= 1
        return found

    def _tagged(self, tag: int, depth: int) -> object:
        value = self.value(depth + 1)
        if tag != _EPOCH_TAG:
            return value
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("an instant must be a number")
        return datetime.fromtimestamp(value, UTC)
