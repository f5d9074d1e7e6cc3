"""Documents of the in-memory database: copies, conditions and updates, as far as the product uses MongoDB's language.

Anything it does not know raises, so that a new operator in the product cannot be misread silently.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

Document = dict[str, Any]
_MISSING = object()
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
"""Types whose values are kept as they are. Asked for before the function is called: most values are of these."""


def stored(value: Any) -> Any:
    """A copy as the database keeps it: times lose what is below a millisecond."""
    if isinstance(value, dict):
        return {key: item if type(item) in _PLAIN else stored(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [stored(item) for item in value]
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def copied(value: Any) -> Any:
    """A copy that shares nothing with the stored document."""
    if isinstance(value, dict):
        return {key: item if type(item) in _PLAIN else copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [item if type(item) in _PLAIN else copied(item) for item in value]
    return value


def values_at(document: Any, path: str) -> Iterator[Any]:
    """Every value a path leads to; a path through a list means each of its items, or the one it numbers."""
    head, _, rest = path.partition(".")
    if isinstance(document, list):
        if head.isdigit():
            if int(head) < len(document):
                yield from values_at(document[int(head)], rest) if rest else iter((document[int(head)],))
            return
        for item in document:
            if isinstance(item, dict):
                yield from values_at(item, path)
        return
    if not isinstance(document, dict) or head not in document:
        return
    if rest:
        yield from values_at(document[head], rest)
    else:
        yield document[head]


def _equal(found: list[Any], wanted: Any) -> bool:
    if wanted is None and not found:
        return True
    return any(value == wanted or (isinstance(value, list) and wanted in value) for value in found)


def _ordered(found: list[Any], test: Callable[[Any], bool], wanted: Any) -> bool:
    return any(type(value) is type(wanted) and test(value) for value in found)


_OPERATORS: Mapping[str, Callable[[list[Any], Any], bool]] = {
    "$in": lambda found, wanted: any(_equal(found, each) for each in wanted),
    "$ne": lambda found, wanted: not _equal(found, wanted),
    "$exists": lambda found, wanted: bool(found) == wanted,
    "$gt": lambda found, wanted: _ordered(found, lambda value: value > wanted, wanted),
    "$gte": lambda found, wanted: _ordered(found, lambda value: value >= wanted, wanted),
    "$lt": lambda found, wanted: _ordered(found, lambda value: value < wanted, wanted),
    "$lte": lambda found, wanted: _ordered(found, lambda value: value <= wanted, wanted),
}


def matches(document: Document, condition: Mapping[str, Any]) -> bool:
    """Whether a document fulfills a condition."""
    for path, wanted in condition.items():
        if path == "$or":
            if not any(matches(document, each) for each in wanted):
                return False
            continue
        found = list(values_at(document, path))
        if isinstance(wanted, dict) and any(key.startswith("$") for key in wanted):
            if not all(_OPERATORS[operator](found, value) for operator, value in wanted.items()):
                return False
        elif not _equal(found, stored(wanted)):
            return False
    return True


def _parent(document: Document, path: str) -> tuple[Document, str]:
    *parts, last = path.split(".")
    for part in parts:
        document = document.setdefault(part, {})
    return document, last


def _set(holder: Document, name: str, value: Any) -> None:
    holder[name] = stored(value)


def _unset(holder: Document, name: str, _: Any) -> None:
    holder.pop(name, None)


def _inc(holder: Document, name: str, value: Any) -> None:
    holder[name] = holder.get(name, 0) + value


def _max(holder: Document, name: str, value: Any) -> None:
    held = holder.get(name, _MISSING)
    holder[name] = value if held is _MISSING else max(held, value)


def _push(holder: Document, name: str, value: Any) -> None:
    items = value["$each"] if isinstance(value, dict) and "$each" in value else [value]
    holder.setdefault(name, []).extend(stored(item) for item in items)


def _pull(holder: Document, name: str, value: Any) -> None:
    def goes(item: Any) -> bool:
        return matches(item, value) if isinstance(value, dict) else bool(item == value)

    holder[name] = [item for item in holder.get(name, []) if not goes(item)]


_UPDATES: Mapping[str, Callable[[Document, str, Any], None]] = {
    "$set": _set,
    "$unset": _unset,
    "$inc": _inc,
    "$max": _max,
    "$push": _push,
    "$pull": _pull,
}


def updated(document: Document, change: Mapping[str, Mapping[str, Any]], *, inserting: bool = False) -> Document:
    """The document after an update."""
    fresh: Document = copied(document)
    for operator, fields in change.items():
        if operator == "$setOnInsert":
            if not inserting:
                continue
            operator = "$set"
        for path, value in fields.items():
            holder, name = _parent(fresh, path)
            _UPDATES[operator](holder, name, value)
    return fresh


def projected(document: Document, wanted: Mapping[str, int] | None) -> Document:
    """A copy of the fields asked for."""
    if not wanted:
        return copied(document)  # type: ignore[no-any-return]
    if not any(wanted.values()):
        return {key: copied(value) for key, value in document.items() if key not in wanted}
    tops = {"_id", *(path.partition(".")[0] for path in wanted)}
    return {key: copied(value) for key, value in document.items() if key in tops}


def sort_key(document: Document, path: str) -> tuple[bool, Any]:
    """Orders documents by a path; those without a value come first."""
    found = next(values_at(document, path), None)
    return (found is not None, found)
