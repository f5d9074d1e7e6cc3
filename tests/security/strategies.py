"""Bad input made of good input: bytes flipped, cut and doubled, values replaced, archives bent."""

import io
import json
import stat
import zipfile
from collections.abc import Mapping

from hypothesis import strategies as st

from tests.security.seeds import EVENT, FILES

# What has broken parsers before: limits of numbers, encodings that are none, text that means something elsewhere.
NASTY_WORDS = (
    "",
    "\x00",
    "\ud800",
    "\ufeff",
    "../../etc/passwd",
    "${PORT_X}",
    "serial:²",
    "%00",
    "1e999",
    "nan",
    "'\"<>&",
)
NASTY_TEXT = st.sampled_from([*NASTY_WORDS, "A" * 5000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
NASTY_NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, 1e308, -0.0])
NUMBERS = st.one_of(st.integers(), st.floats(), NASTY_NUMBERS)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=40), NASTY_TEXT)


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)


VALUES = st.recursive(SCALARS, _nested, max_leaves=8)
MIRRORED = st.integers(min_value=20, max_value=1500).map(lambda depth: "[" * depth + "]" * depth)


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with a few parts cut out, doubled, or replaced by anything."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 40)))
        filling = draw(
            st.one_of(st.binary(max_size=12), st.just(b""), st.just(content[start:end] * 3), NASTY_TEXT.map(_encoded))
        )
        content = content[:start] + filling + content[end:]
    return content


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def replaced(draw: st.DrawFn, value: object) -> object:
    """A tree with one of its parts replaced by any value."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 9)):
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: draw(replaced(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(replaced(value[index])), *value[index + 1 :]]
    return draw(VALUES)


def as_json(value: object) -> bytes:
    """JSON as a careless program writes it: infinite numbers and halves of characters included."""
    return json.dumps(value).encode()


@st.composite
def text_files(draw: st.DrawFn, good: str, tree: object) -> bytes:
    """One file: bent as text, or bent as a tree and written as JSON, or nested beyond reason."""
    return draw(st.one_of(mutated(good.encode()), replaced(tree).map(as_json), MIRRORED.map(str.encode)))


@st.composite
def archives(draw: st.DrawFn, trees: Mapping[str, object]) -> bytes:
    """A package with bent files, names and headers; sometimes the zip itself is bent."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, good in FILES.items():
            bent = draw(st.integers(0, 2))
            content = good.encode() if not bent else draw(text_files(good, trees.get(name)))
            archive.writestr(_entry(draw, name), content)
        if draw(st.booleans()):
            archive.writestr(_entry(draw, draw(st.text(min_size=1, max_size=20)) or "x"), b"more")
    packed = buffer.getvalue()
    return draw(mutated(packed)) if not draw(st.integers(0, 2)) else packed


def _entry(draw: st.DrawFn, name: str) -> zipfile.ZipInfo:
    odd = draw(st.sampled_from(["", "", "", "", "../", "/", "C:", "a\\"]))
    info = zipfile.ZipInfo(odd + name.encode("utf-8", "replace").decode())
    if not draw(st.integers(0, 9)):
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@st.composite
def event_requests(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    """Headers and body of a CloudEvent in one of its three modes, bent."""
    mode = draw(st.sampled_from(["structured", "batch", "binary", "other"]))
    one = draw(st.one_of(replaced(EVENT), st.just(EVENT)))
    if mode == "binary":
        return draw(_binary())
    media = {"structured": "application/cloudevents+json", "batch": "application/cloudevents-batch+json"}.get(mode, "")
    body = as_json([one, draw(replaced(EVENT))] if mode == "batch" else one)
    deep = MIRRORED.map(lambda nested: as_json({**EVENT, "data": None}).replace(b"null", nested.encode()))
    return {"content-type": media}, draw(st.one_of(st.just(body), mutated(body), deep))


@st.composite
def _binary(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    letters = st.text(st.characters(max_codepoint=255), max_size=30)
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name not in ("data", "datacontenttype")}
    headers |= draw(st.dictionaries(st.sampled_from([*headers, "ce-data_base64", "ce-data"]), letters, max_size=2))
    headers["content-type"] = draw(st.sampled_from(["application/json", "text/plain", "", "application/x+json; a"]))
    return headers, draw(st.one_of(mutated(as_json(EVENT["data"])), st.binary(max_size=60), MIRRORED.map(str.encode)))
