"""Ids of what requests make."""

from ulid import ULID

from control_plane_api.kernel.context import request_context

TIME_BYTES, HASH_BYTES = 6, 10
"""A ULID is a time in milliseconds and what tells it from others of the same time."""


def new_id() -> str:
    """Id of the one object that the running request makes.

    Under an ``Idempotency-Key`` it follows from the key, so that an attempt whose answer was lost and its repetition
    mean the same object.
    """
    repeatable = request_context().repeatable
    if repeatable is None:
        return str(ULID()).lower()
    milliseconds = int(repeatable.first_at.timestamp() * 1000)
    content = milliseconds.to_bytes(TIME_BYTES, "big") + bytes.fromhex(repeatable.entry)[:HASH_BYTES]
    return str(ULID.from_bytes(content)).lower()


def made_before() -> bool:
    """Whether an earlier attempt of the running request may have made its object."""
    repeatable = request_context().repeatable
    return repeatable is not None and repeatable.again
