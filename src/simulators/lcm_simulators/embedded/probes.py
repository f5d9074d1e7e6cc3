"""Small health probes that need no client library."""

import asyncio
import struct

_OP_MSG = 2013
_HELLO_LIMIT_SECONDS = 2.0


async def http_body(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Fetch ``path`` over plain HTTP/1.0 and return status and body; status 0 when nobody answers properly."""
    try:
        async with asyncio.timeout(_HELLO_LIMIT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
                await writer.drain()
                answer = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body


async def mongo_hello(host: str, port: int) -> bool:
    """Tell whether a MongoDB-compatible server answers ``hello`` as a writable primary.

    The message is written by hand (OP_MSG with one BSON document) because only the control plane may import a driver.
    """
    elements = b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
    document = struct.pack("<i", len(elements) + 5) + elements + b"\x00"
    body = struct.pack("<i", 0) + b"\x00" + document
    message = struct.pack("<iiii", len(body) + 16, 1, 0, _OP_MSG) + body
    try:
        async with asyncio.timeout(_HELLO_LIMIT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(message)
                await writer.drain()
                length = struct.unpack("<i", await reader.readexactly(4))[0]
                answer = await reader.readexactly(length - 4)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return b"\x08isWritablePrimary\x00\x01" in answer
