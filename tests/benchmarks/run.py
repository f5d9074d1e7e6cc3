"""``make bench [BENCH=part]``: runs benchmark scripts one after the other, prints the table, writes the page.

Each part is a list of scripts that publish rows into ``build/bench.json``; rows of parts that do not run are kept. The
page ``docs/performance.md`` gets the table between its two marks; what the figures mean stands around it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from rows import BENCH_FILE, Row

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
PARTS: dict[str, tuple[str, ...]] = {
    "scheduling": ("scheduling.py", "scheduling_packing.py", "scheduling_optimum.py", "scheduling_burst.py"),
    "workers": ("workers.py",),
    "simulators": ("simulators.py",),
    "lablet": ("lablet_events.py",),
    "control-plane": (
        "control_plane_commands.py",
        "control_plane_noop.py",
        "control_plane_reads.py",
        "control_plane_stream.py",
        "control_plane_resync.py",
    ),
    "platform": ("platform_ready.py", "platform_takeover.py", "platform_life.py", "platform_start.py"),
    "flames": ("flames.py",),
}
LIMIT_SECONDS = 900.0


def run_part(name: str) -> list[str]:
    """Run the scripts of a part; the names of those that failed."""
    failed = []
    for script in PARTS[name]:
        print(f"== {name}: {script}", flush=True)
        began = time.monotonic()
        try:
            code = subprocess.run([sys.executable, str(HERE / script)], timeout=LIMIT_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
        print(f"   {time.monotonic() - began:.0f} s", flush=True)
        if code:
            failed.append(script)
    return failed


def known_rows(file: Path = BENCH_FILE) -> list[Row]:
    """Every row measured so far."""
    return [Row(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | value | unit | required | stretch | reaches |", "| --- | ---: | --- | ---: | ---: | --- |"]
    for row in rows:
        sign = "≤" if row.better == "lower" else "≥"
        bounds = ["–" if bound is None else f"{sign} {bound:,g}" for bound in (row.required, row.stretch)]
        lines.append(f"| {row.name} | {_digits(row.value)} | {row.unit} | {bounds[0]} | {bounds[1]} | {row.verdict} |")
    return "\n".join(lines)


def machine() -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def write_page(rows: list[Row], page: Path = PAGE) -> None:
    """Replace the table of the page. Raises ``ValueError`` when the page has lost its marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\nMeasured on {machine()}.\n\n{table(rows)}\n\n{END}{after}", encoding="utf-8")


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def main() -> int:
    """Run what was asked for; 1 when a script failed or a figure misses what is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"any of {', '.join(PARTS)}; default all")
    parts = parser.parse_args().parts or list(PARTS)
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    failed = [script for part in parts for script in run_part(part)]
    rows = known_rows()
    write_page(rows)
    print(table(rows))
    missed = [row.name for row in rows if row.verdict == "MISSED"]
    for name in missed:
        print(f"misses what is required: {name}")
    for script in failed:
        print(f"failed: tests/benchmarks/{script}")
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
