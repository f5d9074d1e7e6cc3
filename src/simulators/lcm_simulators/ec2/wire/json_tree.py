"""Trees as the JSON of AWS's target protocols; instants are seconds since the epoch."""

import json
from datetime import datetime

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.wire.query import Tree


def decode(body: bytes) -> Tree:
    """Read a request. Raises `AwsError`."""
    try:
        tree = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", f"the body is no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise AwsError("SerializationException", "the body must be an object")
    return tree


def encode(tree: Tree) -> bytes:
    """Write an answer."""
    return json.dumps(tree, default=_instant).encode()


def _instant(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no JSON form")
