"""Followers of the live stream in a process of their own: ``crowd.py ADDRESS COUNT`` with the token on standard input.

Prints ``ready`` when every one has its snapshot. Every follower reads all that comes; each tenth also notes when it saw
which version of which worker. When standard input ends it prints one JSON object: how many streams were ``lost``, and
what was ``seen`` as ``[worker, version, time]``, in seconds since the epoch.
"""

import asyncio
import json
import sys
import time

CHUNK = 64 * 1024
PATIENCE_SECONDS = 120.0
AT_ONCE = 20
OBSERVED = 10

seen: list[tuple[str, int, float]] = []


async def _open(address: str, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2 * CHUNK)
    head = f"GET /api/events/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    begun = b""
    while b"event: snapshot.end" not in begun:
        more = await reader.read(CHUNK)
        if not more:
            raise RuntimeError(f"the stream ended before its snapshot: {begun[:200]!r}")
        begun = begun[-100:] + more
    return reader, writer


async def _swallow(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass


async def _observe(reader: asyncio.StreamReader) -> None:
    kind = b""
    async for line in reader:
        if line.startswith(b"event: "):
            kind = line[7:].strip()
        elif line.startswith(b"data: ") and kind == b"worker.snapshot":
            now = time.time()
            worker = json.loads(line[6:])
            seen.append((worker["id"], worker["version"], now))


async def main(address: str, count: int) -> None:
    """Follow until standard input ends."""
    loop = asyncio.get_running_loop()
    token = (await loop.run_in_executor(None, sys.stdin.readline)).strip()
    gate = asyncio.Semaphore(AT_ONCE)

    async def begin(number: int) -> tuple[asyncio.Task[None], asyncio.StreamWriter]:
        async with gate:
            reader, writer = await _open(address, token)
        reading = _observe(reader) if number % OBSERVED == 0 else _swallow(reader)
        return asyncio.create_task(reading), writer

    async with asyncio.timeout(PATIENCE_SECONDS):
        followers = await asyncio.gather(*(begin(number) for number in range(count)))
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    lost = sum(reading.done() for reading, _ in followers)
    for reading, writer in followers:
        reading.cancel()
        writer.close()
    print(json.dumps({"lost": lost, "seen": seen}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
