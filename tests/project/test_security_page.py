"""The security page has every requirement of the standard once, and the tests that it names exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# OWASP ASVS 5.0.0: how many requirements of level 1 and 2 each section has; they come first in each section.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip


def rows() -> list[list[str]]:
    """Cells of every table row that begins with a requirement."""
    lines = [line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"\| \d+\.\d+\.\d+", line)]
    return [[cell.strip() for cell in line] for line in lines]


def numbers(cell: str) -> list[str]:
    """``6.2.1–6.2.3, 6.4.1`` taken apart."""
    found: list[str] = []
    for part in cell.split(", "):
        first, _, last = part.partition("–")
        section, start = first.rsplit(".", 1)
        end = last.rsplit(".", 1)[1] if last else start
        found += [f"{section}.{number}" for number in range(int(start), int(end) + 1)]
    return found


def known_tests() -> set[str]:
    """``file::function`` of every test there is."""
    found: set[str] = set()
    for folder in ("src", "tests"):
        for path in (ROOT / folder).rglob("test_*.py"):
            if "node_modules" in path.parts:
                continue
            names = [node.name for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "name")]
            found |= {f"{path.name}::{name}" for name in names}
    return found


def test_every_requirement_is_answered_once() -> None:
    listed = [number for row in rows() for number in numbers(row[0])]
    wanted = [f"{section}.{number + 1}" for section, count in SECTIONS.items() for number in range(count)]
    assert len(wanted) == 253
    assert sorted(set(listed) - set(wanted)) == []
    assert sorted(set(wanted) - set(listed)) == []
    assert sorted({number for number in listed if listed.count(number) > 1}) == []


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+\.py::\w+)`", PAGE))
    assert len(named) > 60
    assert sorted(named - known_tests()) == []


def test_every_row_of_what_is_met_names_a_test() -> None:
    met = PAGE.split("## Met, with the test that shows it", 1)[1].split("## Done by the identity provider", 1)[0]
    lines = [line for line in met.splitlines() if re.match(r"\| \d", line)]
    assert len(lines) > 80
    assert [line for line in lines if "`test_" not in line] == []
