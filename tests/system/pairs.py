"""Start and solution of one lab among the shared topologies, and a rubric made from what the solution adds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.system.packages import shared_labs

_PAIR_WORDS = re.compile(r"(-initial-topology|-initial-lab|-initial|-problem|-topology)$")
_SOLVED = ("-solution", "-solution-topology", "-completed-lab", "-topology-solution")
# Lines that a device may print in another form, or that only CML itself sets.
_SKIPPED = re.compile(
    r"^\s*(!|$|version|hostname|boot|end$|building|current|last|ntp clock|license|crypto|certificate)", re.IGNORECASE
)
CHECKS_PER_DEVICE = 6


@dataclass(frozen=True)
class Pair:
    """Two topologies with the same nodes."""

    start: Path
    solution: Path
    added: dict[str, list[str]]
    """Configuration lines by node label that only the solution has."""

    @property
    def name(self) -> str:
        """For the test's id."""
        return self.start.stem[:60]

    def solution_of(self, label: str) -> str:
        """The solved configuration of a node."""
        return configurations(self.solution)[label]

    def rubric(self) -> dict[str, object]:
        """One section per device, one check per added line."""
        sections = []
        for label, lines in self.added.items():
            checks = [
                {
                    "id": f"{re.sub(r'[^a-z0-9]+', '-', label.lower())}-{number}",
                    "device": label,
                    "source": "configuration",
                    "must_match": rf"^\s*{re.escape(line.strip())}\s*$",
                    "description": f"{label}: {line.strip()[:80]}",
                }
                for number, line in enumerate(lines, start=1)
            ]
            sections.append({"name": f"Device {label}", "checks": checks})
        return {"version": 1, "title": self.solution.stem[:80], "cut_score": 70, "sections": sections}


_SILENT = frozenset({"external_connector", "unmanaged_switch", "desktop", "server", "alpine", "ubuntu"})
"""Definitions whose configuration cannot be collected from the running device."""


def configurations(topology: Path) -> dict[str, str]:
    """Start configurations by node label, of the devices that can tell theirs."""
    found: dict[str, str] = {}
    for node in yaml.safe_load(topology.read_text())["nodes"]:
        if node["node_definition"] in _SILENT:
            continue
        value = node.get("configuration") or ""
        if isinstance(value, list):
            value = "\n".join(part.get("content", "") for part in value)
        found[node["label"]] = value
    return found


def _stem(path: Path) -> str:
    stem = path.stem
    for word in sorted(_SOLVED, key=len, reverse=True):
        stem = stem.removesuffix(word)
    return _PAIR_WORDS.sub("", stem)


def _candidates() -> Iterator[tuple[Path, Path]]:
    labs = shared_labs()
    solved = [path for path in labs if path.stem.endswith(_SOLVED)]
    for solution in solved:
        for start in labs:
            if start not in solved and _stem(start) == _stem(solution):
                yield start, solution


def grading_pairs() -> list[Pair]:
    """Pairs with equal labels and a start that holds less than its solution."""
    pairs = []
    for start, solution in _candidates():
        before, after = configurations(start), configurations(solution)
        if before.keys() != after.keys():
            continue
        added = {}
        for label, text in after.items():
            known = {line.strip() for line in before[label].splitlines()}
            lines = [
                line
                for line in dict.fromkeys(text.splitlines())
                if line.strip() not in known and not _SKIPPED.match(line)
            ]
            if lines:
                added[label] = lines[:CHECKS_PER_DEVICE]
        if added:
            pairs.append(Pair(start, solution, added))
    return pairs
