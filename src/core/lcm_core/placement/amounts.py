"""The four countable resources packed into one integer, so that one subtraction compares all of them.

Each amount has a field of ``WIDTH`` bits. The topmost bit of a field is a guard: with the guards set in the capacity,
``capacity - used - wanted`` leaves a guard standing exactly where the amount suffices, and no field ever borrows from
its neighbor. Amounts must stay below ``LIMIT``.
"""

from collections.abc import Iterator

from lcm_core.contracts.common import Resources

FIELDS = ("cores", "memory_mb", "storage_gb", "nodes")
UNITS = {"cores": "cores", "memory_mb": "MB of memory", "storage_gb": "GB of storage", "nodes": "nodes"}
WIDTH = 40
LIMIT = 1 << (WIDTH - 2)
_FIELD_MASK = (1 << WIDTH) - 1
GUARDS = sum(1 << (WIDTH * index + WIDTH - 1) for index in range(len(FIELDS)))


def pack(resources: Resources) -> int:
    """The amounts as one integer; an amount beyond ``LIMIT`` counts as ``LIMIT``."""
    return pack_amounts(resources.cores, resources.memory_mb, resources.storage_gb, resources.nodes)


def pack_amounts(cores: int, memory_mb: int, storage_gb: int, nodes: int) -> int:
    """The same from single amounts; negative ones count as zero."""
    packed = 0
    for index, amount in enumerate((cores, memory_mb, storage_gb, nodes)):
        packed |= min(LIMIT, max(0, amount)) << (WIDTH * index)
    return packed


def unpack(packed: int) -> tuple[int, int, int, int]:
    """Cores, memory in MB, storage in GB and nodes."""
    return (
        packed & _FIELD_MASK,
        (packed >> WIDTH) & _FIELD_MASK,
        (packed >> (2 * WIDTH)) & _FIELD_MASK,
        (packed >> (3 * WIDTH)) & _FIELD_MASK,
    )


def resources_of(packed: int) -> Resources:
    """The amounts as the wire knows them."""
    cores, memory_mb, storage_gb, nodes = unpack(packed)
    return Resources(cores=cores, memory_mb=memory_mb, storage_gb=storage_gb, nodes=nodes)


def fits(capacity: int, used: int, wanted: int) -> bool:
    """Whether every amount suffices."""
    return ((capacity | GUARDS) - used - wanted) & GUARDS == GUARDS


def largest_share(wanted: int, capacity: int) -> float:
    """The greatest part of the capacity that any amount takes; infinite where something wanted is not there at all."""
    share = 0.0
    for amount, offered in zip(unpack(wanted), unpack(capacity), strict=True):
        if amount:
            share = max(share, amount / offered if offered else float("inf"))
    return share


def shortages(capacity: int, used: int, wanted: int) -> Iterator[tuple[str, int, int, int]]:
    """Name, wanted, free and offered of each amount that does not suffice."""
    for name, offered, taken, amount in zip(FIELDS, unpack(capacity), unpack(used), unpack(wanted), strict=True):
        if taken + amount > offered:
            yield name, amount, max(0, offered - taken), offered
