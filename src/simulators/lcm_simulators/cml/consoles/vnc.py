"""The screen of a node over the remote framebuffer protocol (RFC 6143): one still picture, no password."""

from __future__ import annotations

import asyncio
import struct
import zlib

WIDTH, HEIGHT = 320, 200
_VERSION = b"RFB 003.008\n"
_MESSAGE_LENGTHS = {0: 20, 2: 4, 3: 10, 4: 8, 5: 6, 6: 8}
"""Lengths of what clients send, by type; encodings and pasted text are longer by what they announce."""
_PIXEL_FORMAT = struct.pack("!BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


async def serve_screen(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Handle one client until it goes. Raises ``IncompleteReadError`` or ``ConnectionError`` when it does."""
    writer.write(_VERSION)
    await reader.readexactly(len(_VERSION))
    writer.write(b"\x01\x01")  # one way to sign in: none
    await reader.readexactly(1)
    writer.write(struct.pack("!I", 0))
    await reader.readexactly(1)
    title = name.encode()
    writer.write(struct.pack("!HH", WIDTH, HEIGHT) + _PIXEL_FORMAT + struct.pack("!I", len(title)) + title)
    await writer.drain()
    bytes_per_pixel = 4
    while True:
        kind = (await reader.readexactly(1))[0]
        rest = await reader.readexactly(_MESSAGE_LENGTHS.get(kind, 1) - 1)
        if kind == 0:
            bytes_per_pixel = max(1, rest[3] // 8)
        elif kind == 2:
            await reader.readexactly(4 * struct.unpack("!H", rest[1:3])[0])
        elif kind == 6:
            await reader.readexactly(struct.unpack("!I", rest[3:7])[0])
        elif kind == 3:
            writer.write(_picture(name, bytes_per_pixel))
            await writer.drain()


def _picture(name: str, bytes_per_pixel: int) -> bytes:
    """The whole screen in one color that follows from the node's name."""
    color = struct.pack("!I", zlib.crc32(name.encode()))[:bytes_per_pixel]
    return struct.pack("!BxH", 0, 1) + struct.pack("!HHHHi", 0, 0, WIDTH, HEIGHT, 0) + color * (WIDTH * HEIGHT)
