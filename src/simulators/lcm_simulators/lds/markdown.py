"""Task texts as HTML: headings, paragraphs, lists, code, emphasis and links; everything else stays text."""

import re
from collections.abc import Iterator
from html import escape

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*")
_BULLET = re.compile(r"\s{0,3}[-*+]\s+(.*)")
_NUMBER = re.compile(r"\s{0,3}\d{1,4}[.)]\s+(.*)")
_FENCE = re.compile(r"\s{0,3}(```|~~~).*")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(([^()\s]+)\)")
_STRONG = re.compile(r"\*\*([^*\n]+)\*\*")
_EMPHASIS = re.compile(r"(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])")
TOP_LEVEL = 3
"""A task stands below the page's first two levels of headings."""


def render(text: str) -> str:
    """The HTML of a task. Whatever HTML it holds is shown, not interpreted."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join(_blocks(lines))


def begins_with_heading(text: str) -> bool:
    """Whether the text brings its own title."""
    return _HEADING.fullmatch(text.lstrip().split("\n", 1)[0].rstrip()) is not None


def _blocks(lines: list[str]) -> Iterator[str]:
    index = 0
    while index < len(lines):
        line = lines[index]
        heading = _HEADING.fullmatch(line.rstrip())
        if not line.strip():
            index += 1
        elif _FENCE.fullmatch(line):
            block, index = _fenced(lines, index)
            yield block
        elif heading:
            level = min(6, len(heading[1]) + TOP_LEVEL - 1)
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            index += 1
        elif _BULLET.fullmatch(line) or _NUMBER.fullmatch(line):
            block, index = _listed(lines, index, _BULLET if _BULLET.fullmatch(line) else _NUMBER)
            yield block
        else:
            end = index + 1
            while end < len(lines) and not _begins_block(lines[end]):
                end += 1
            yield f"<p>{_inline(' '.join(part.strip() for part in lines[index:end]))}</p>"
            index = end


def _begins_block(line: str) -> bool:
    patterns = (_HEADING, _FENCE, _BULLET, _NUMBER)
    return not line.strip() or any(pattern.fullmatch(line.rstrip()) for pattern in patterns)


def _fenced(lines: list[str], start: int) -> tuple[str, int]:
    end = start + 1
    while end < len(lines) and not _FENCE.fullmatch(lines[end]):
        end += 1
    body = "\n".join(lines[start + 1 : end])
    return f'<pre tabindex="0"><code>{escape(body)}</code></pre>', end + 1


def _listed(lines: list[str], start: int, item: re.Pattern[str]) -> tuple[str, int]:
    """A list; a line that is indented belongs to the item above it."""
    items: list[str] = []
    index = start
    while index < len(lines):
        found = item.fullmatch(lines[index])
        if found:
            items.append(found[1])
        elif items and lines[index].startswith("  ") and not _begins_block(lines[index]):
            items[-1] += " " + lines[index].strip()
        else:
            break
        index += 1
    tag = "ul" if item is _BULLET else "ol"
    return f"<{tag}>{''.join(f'<li>{_inline(text)}</li>' for text in items)}</{tag}>", index


def _inline(text: str) -> str:
    """Code first, because nothing inside it means anything."""
    parts = _CODE.split(text)
    return "".join(f"<code>{escape(part)}</code>" if number % 2 else _marks(part) for number, part in enumerate(parts))


def _marks(text: str) -> str:
    marked = _LINK.sub(_link, escape(text, quote=True))
    return _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", marked))


def _link(found: re.Match[str]) -> str:
    """A link to the web; pictures and other addresses are shown by their words."""
    picture, words, target = found.groups()
    if picture or not target.startswith(("https://", "http://")):
        return words
    return f'<a href="{target}" rel="noreferrer noopener">{words or target}</a>'
