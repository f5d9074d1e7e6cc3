"""Rows of the speed table: printed, and kept in ``build/bench.json``.

Each benchmark script makes its rows and calls ``publish``; rows of the same name replace older ones, so that running
one part keeps the others.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

BENCH_FILE = Path(__file__).resolve().parents[2] / "build" / "bench.json"
Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with the values it is held to; ``required`` and ``stretch`` are None where nothing was promised."""

    name: str
    value: float
    unit: str
    required: float | None = None
    stretch: float | None = None
    better: Better = "lower"

    def _reaches(self, bound: float | None) -> bool | None:
        if bound is None:
            return None
        return self.value <= bound if self.better == "lower" else self.value >= bound

    @property
    def verdict(self) -> str:
        """What the value reaches, in a word."""
        if self._reaches(self.stretch):
            return "stretch"
        match self._reaches(self.required):
            case True:
                return "required"
            case False:
                return "MISSED"
            case None:
                return "-"


def publish(rows: Sequence[Row], file: Path = BENCH_FILE) -> None:
    """Print the rows and merge them into the file by name, atomically."""
    for row in rows:
        bounds = f"required {_shown(row.required)}, stretch {_shown(row.stretch)}"
        print(f"{row.name:<70} {row.value:>12,.3f} {row.unit:<14} {bounds:<40} {row.verdict}")
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    merged = {entry["name"]: entry for entry in known} | {row.name: asdict(row) for row in rows}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(list(merged.values()), indent=2) + "\n", encoding="utf-8")
    partial.replace(file)


def _shown(bound: float | None) -> str:
    return "-" if bound is None else f"{bound:,g}"
