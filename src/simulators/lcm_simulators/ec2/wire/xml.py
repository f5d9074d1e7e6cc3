"""Trees as AWS's XML."""

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - writes XML, parses none

from lcm_simulators.ec2.wire.query import Tree

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def document(root: str, tree: Tree, *, namespace: str = "", item: str | None = None) -> bytes:
    """One document. The entries of a list go into `item` elements inside it; None repeats the list's own element."""
    attribute = f" xmlns={quoteattr(namespace)}" if namespace else ""
    inner = "".join(_children(tree, item))
    return f"{_DECLARATION}<{root}{attribute}>{inner}</{root}>".encode()


def timestamp(instant: datetime) -> str:
    """An instant in AWS's form, with milliseconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def _children(tree: Tree, item: str | None) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, list) and item is None:
            yield from (_element(name, entry, item) for entry in value)
        elif value is not None:
            yield _element(name, value, item)


def _element(name: str, value: object, item: str | None) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_children(value, item))}</{name}>"
    if isinstance(value, list):
        entries = "".join(_element(item or name, entry, item) for entry in value)
        return f"<{name}>{entries}</{name}>"
    return f"<{name}>{escape(_text(value))}</{name}>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timestamp(value)
    return str(value)
