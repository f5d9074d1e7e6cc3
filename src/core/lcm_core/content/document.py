"""Reading YAML and JSON that strangers wrote, with limits, and with the line of every value for error messages.

The YAML is read from parser events, so that size, depth, number of values, aliases and tags are bounded before anything
is built. Plain scalars follow the YAML 1.2 core schema: ``yes`` and ``12:30`` are words, dates stay words.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from lcm_core.content.errors import ContentRefused

PathPart = str | int
Path = tuple[PathPart, ...]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,30}")
_BASED_INT = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null")})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a document may cost. ``values`` counts scalars, lists and maps after aliases are expanded."""

    bytes: int = 8 * 1024 * 1024
    values: int = 200_000
    depth: int = 40
    aliases: int = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: its value and where in the file each part of it begins."""

    file: str
    value: object
    lines: Mapping[Path, int] = field(default_factory=dict)
    is_json: bool = False

    def line_of(self, path: Path) -> int:
        """Line (from 1) of a part, or of the nearest part around it; 0 when unknown."""
        while path not in self.lines:
            if not path:
                return 0
            path = path[:-1]
        return self.lines[path]


def format_path(path: Path) -> str:
    """``("nodes", 3, "label")`` as ``nodes[3].label``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "document"


def parse_document(content: bytes | str, file: str, limits: DocumentLimits = DocumentLimits()) -> Document:
    """Parse YAML, or JSON when the text begins like a JSON object or array. Raises ``ContentRefused``."""
    text = _decode(content, file, limits)
    if text.lstrip()[:1] in ("{", "["):
        return _parse_json(text, file, limits)
    return _Composer(text, file, limits).document()


def _decode(content: bytes | str, file: str, limits: DocumentLimits) -> str:
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > limits.bytes:
        raise ContentRefused.one(file, "document", f"the file has {size} bytes, the limit is {limits.bytes}")
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ContentRefused.one(file, "document", "the file is not UTF-8 text", line) from error


class _Composer:
    """Builds the value of a YAML text from its events."""

    def __init__(self, text: str, file: str, limits: DocumentLimits) -> None:
        self._text = text
        self._file = file
        self._limits = limits
        self._lines: dict[Path, int] = {}
        self._anchors: dict[str, tuple[object, int]] = {}
        self._values = 0
        self._aliases = 0

    def document(self) -> Document:
        """The single document of the text."""
        try:
            events = yaml.parse(self._text, Loader=_LOADER)
            value: object = None
            documents = 0
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._refusal(event, (), "the file holds more than one document")
                    value = self._value(next(events), events, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or error.context or "not valid YAML"
            raise ContentRefused.one(self._file, "document", problem, mark.line + 1 if mark else 0) from error
        except yaml.YAMLError as error:
            raise ContentRefused.one(self._file, "document", f"not valid YAML: {error}") from error
        return Document(self._file, value, self._lines)

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> object:
        self._lines[path] = _line_of(event)
        self._count(event, path, 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self._values
        if isinstance(event, yaml.ScalarEvent):
            value: object = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_collection(event, path, f"{_TAG}seq")
            value = self._sequence(events, path)
        elif isinstance(event, yaml.MappingStartEvent):
            self._check_collection(event, path, f"{_TAG}map")
            value = self._mapping(events, path)
        else:
            raise self._refusal(event, path, "a value is missing")
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before + 1)
        return value

    def _sequence(self, events: Iterator[yaml.Event], path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, object]:
        entries: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal(event, path, "a key must be a plain word")
            self._count(event, path, 1)
            key = event.value
            if key in entries:
                raise self._refusal(event, (*path, key), "the key appears twice")
            entries[key] = self._value(next(events), events, (*path, key))
            self._lines[(*path, key)] = _line_of(event)
        return entries

    def _alias(self, event: yaml.AliasEvent, path: Path) -> object:
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            raise self._refusal(event, path, f"more than {self._limits.aliases} aliases")
        if event.anchor not in self._anchors:
            raise self._refusal(event, path, f"the alias *{event.anchor} refers to nothing that is complete here")
        value, cost = self._anchors[event.anchor]
        self._count(event, path, cost)
        return copy.deepcopy(value)

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> object:
        tag, text = event.tag, event.value
        if tag is None:
            return _plain(text) if event.implicit[0] else text
        if tag == "!":
            return text
        if tag not in _SCALAR_TAGS:
            raise self._refusal(event, path, f"the tag {tag} is not allowed")
        if tag == f"{_TAG}str":
            return text
        value = _plain(text)
        expected = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}[tag.removeprefix(_TAG)]
        if not isinstance(value, expected):  # type: ignore[arg-type]
            raise self._refusal(event, path, f"{text[:40]!r} is not what its tag {tag} says")
        return value

    def _check_collection(self, event: yaml.CollectionStartEvent, path: Path, default: str) -> None:
        if len(path) >= self._limits.depth:
            raise self._refusal(event, path, f"nested deeper than {self._limits.depth} levels")
        if event.tag not in (None, "!", default):
            raise self._refusal(event, path, f"the tag {event.tag} is not allowed")

    def _count(self, event: yaml.Event, path: Path, cost: int) -> None:
        self._values += cost
        if self._values > self._limits.values:
            raise self._refusal(event, path, f"more than {self._limits.values} values")

    def _refusal(self, event: yaml.Event, path: Path, message: str) -> ContentRefused:
        return ContentRefused.one(self._file, format_path(path), message, _line_of(event))


def _line_of(event: yaml.Event) -> int:
    """The line an event begins in, counted from 1; 0 when the parser does not say."""
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _plain(text: str) -> object:
    """A plain scalar by the YAML 1.2 core schema."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _BASED_INT.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def reads_as_other(text: str) -> bool:
    """Whether a word without quotes would be read as a number, a truth or nothing; writers must quote it."""
    return not isinstance(_plain(text), str)


def _parse_json(text: str, file: str, limits: DocumentLimits) -> Document:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ContentRefused.one(file, "document", f"not valid JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise ContentRefused.one(file, "document", f"nested deeper than {limits.depth} levels") from error
    except ValueError as error:
        raise ContentRefused.one(file, "document", f"not valid JSON: {error}") from error
    _check_size(value, file, limits)
    try:
        lines = _Composer(text, file, limits).document().lines  # JSON is nearly YAML: good enough to find lines
    except ContentRefused:
        lines = {}
    return Document(file, value, lines, is_json=True)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in pairs:
        if key in entries:
            raise ValueError(f"the key {key!r} appears twice")
        entries[key] = value
    return entries


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _check_size(value: object, file: str, limits: DocumentLimits) -> None:
    stack: list[tuple[object, Path]] = [(value, ())]
    count = 0
    while stack:
        item, path = stack.pop()
        count += 1
        if count > limits.values:
            raise ContentRefused.one(file, "document", f"more than {limits.values} values")
        if isinstance(item, str):
            _check_text(item, path, file)
        elif isinstance(item, dict | list):
            if len(path) >= limits.depth:
                raise ContentRefused.one(file, format_path(path), f"nested deeper than {limits.depth} levels")
            if isinstance(item, dict):
                for key in item:
                    _check_text(key, path, file)
            parts = item.items() if isinstance(item, dict) else enumerate(item)
            stack.extend((part, (*path, key)) for key, part in parts)


def _check_text(text: str, path: Path, file: str) -> None:
    """JSON can name one half of a character by its escape; such text can be neither stored nor sent."""
    if not text.isascii() and _HALF_CHARACTER.search(text):
        where = format_path(path)
        raise ContentRefused.one(file, where, "a character is cut in half (a surrogate without its other one)")
