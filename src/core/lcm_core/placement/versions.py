"""Versions compared as versions: 2.10 is newer than 2.9, whatever their letters say."""

import re
from dataclasses import dataclass

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<|=)?\s*v?(\d+(?:\.\d+)*)(?:\.\*)?$")


def parse_version(text: str) -> tuple[int, ...] | None:
    """The dotted number in a text (``2.8.1+build.3``, ``cml-2.8.1-amd64``); None when there is none.

    Of several numbers the first with a dot counts, else the first.
    """
    found = _NUMBERS.findall(text)
    if not found:
        return None
    chosen = next((number for number in found if "." in number), found[0])
    return _trimmed(tuple(int(part) for part in chosen.split(".")))


def _trimmed(parts: tuple[int, ...]) -> tuple[int, ...]:
    """Without trailing zeros, so that 2.8 equals 2.8.0."""
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    return parts


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Clauses that must all hold, for example ``>=2.7,<3``; a bare version means exactly that one."""

    clauses: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def parse(cls, text: str) -> "VersionRange":
        """Read a range. Raises ``ValueError`` that names the clause it cannot read."""
        clauses: list[tuple[str, tuple[int, ...]]] = []
        for part in re.split(r"\s*,\s*|\s+(?=[<>=!~])", text.strip()):
            match = _CLAUSE.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{part!r} is not a version clause such as >=2.7")
            numbers = tuple(int(number) for number in match.group(2).split("."))
            operator = match.group(1) or "=="
            if part.endswith(".*"):
                operator, numbers = "~=", (*numbers, 0)
            clauses.append(("==" if operator == "=" else operator, numbers))
        return cls(tuple(clauses))

    def contains(self, version: tuple[int, ...]) -> bool:
        """Whether a parsed version satisfies every clause."""
        return all(_holds(version, operator, wanted) for operator, wanted in self.clauses)


def _holds(version: tuple[int, ...], operator: str, wanted: tuple[int, ...]) -> bool:
    bound = _trimmed(wanted)
    match operator:
        case ">=":
            return version >= bound
        case ">":
            return version > bound
        case "<=":
            return version <= bound
        case "<":
            return version < bound
        case "!=":
            return version != bound
        case "~=":
            # As in ~=2.7: at least 2.7 and below 3; ~=2.7.1: below 2.8. A single number pins that number.
            fixed = wanted[:-1] or wanted
            padded = version + (0,) * len(wanted)
            return version >= bound and padded[: len(fixed)] == fixed
        case _:
            return version == bound
