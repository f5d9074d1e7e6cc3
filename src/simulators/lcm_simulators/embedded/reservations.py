"""Ports and loopback networks that no other process of this machine gets, so that platforms can run side by side.

A port that merely was free a moment ago can be taken by the time its server listens: by another test process, or by
the local end of anybody's connection. So a process reserves whole blocks of ports below the range that local ends come
from, and the /16 network of its simulated instances. A reservation is a socket that is bound to a lock port: the
kernel ends it with the process, whatever way that ends.
"""

import random
import socket
import threading
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
BLOCK_PORTS = 50
BLOCKS = range(12_000, 32_000, BLOCK_PORTS)
"""First ports of the blocks; Linux takes local ends from 32768 on, macOS from 49152."""
NETWORKS = range(30, 250)
"""Second octets of the networks that tests use; 127.20 is the platform's of `make run`."""
_NETWORK_LOCKS = 9_600
"""Lock port of network 127.n is this plus n."""


class NothingFreeError(RuntimeError):
    """Every block or network of the machine is reserved."""


@dataclass
class _Held:
    """What this process has reserved. The lock sockets stay open to the end."""

    locks: list[socket.socket] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


_held = _Held()


def _bound(port: int, host: str = LOOPBACK) -> socket.socket | None:
    """A socket bound to a port; None when somebody has it."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        probe.bind((host, port))
    except OSError:
        probe.close()
        return None
    return probe


def _shuffled(numbers: range) -> list[int]:
    return random.SystemRandom().sample(numbers, len(numbers))


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port of ``host`` that no other process is given, and that nothing listens on.

    Raises ``NothingFreeError``.
    """
    with _held.guard:
        while True:
            if not _held.ports:
                _reserve_block()
            port = _held.ports.pop()
            probe = _bound(port, host)
            if probe is not None:
                probe.close()
                return port


def _reserve_block() -> None:
    for first in _shuffled(BLOCKS):
        lock = _bound(first)
        if lock is not None:
            _held.locks.append(lock)
            _held.ports = list(range(first + BLOCK_PORTS - 1, first, -1))
            return
    raise NothingFreeError(f"all {len(BLOCKS)} blocks of ports are in use; end the platforms that run on this machine")


def free_network() -> str:
    """A loopback /16, as ``127.n``, that no other process is given. Raises ``NothingFreeError``."""
    with _held.guard:
        for number in _shuffled(NETWORKS):
            lock = _bound(_NETWORK_LOCKS + number)
            if lock is not None:
                _held.locks.append(lock)
                return f"127.{number}"
    raise NothingFreeError(f"all {len(NETWORKS)} loopback networks are in use; end the platforms of this machine")
