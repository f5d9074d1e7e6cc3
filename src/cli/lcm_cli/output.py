"""How results are written: a table for people, JSON or YAML for programs."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


class Output(StrEnum):
    """Choices of ``--output``."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def plain(model: BaseModel) -> object:
    """A model as JSON data."""
    return model.model_dump(mode="json")


def write_data(data: object, output: Output) -> None:
    """Write data for programs."""
    if output is Output.JSON:
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    sys.stdout.flush()


def write_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows for people; piped output is not folded to a width."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading.upper(), no_wrap=not sys.stdout.isatty(), overflow="fold")
    for row in rows:
        table.add_row(*row)
    if sys.stdout.isatty():
        console.print(table)
    else:
        Console(width=400, highlight=False).print(table, soft_wrap=True)


def age(instant: datetime | None, now: datetime | None = None) -> str:
    """How long ago an instant was, in its largest unit: ``5m``; ``in 5m`` for the future, ``-`` for none."""
    if instant is None:
        return "-"
    seconds = ((now or datetime.now(UTC)) - instant).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if size >= length:
            text = f"{int(size // length)}{unit}"
            break
    else:
        text = f"{int(size)}s"
    return text if seconds >= 0 else f"in {text}"


def percent(value: float | None) -> str:
    """A percentage, ``-`` when unknown."""
    return "-" if value is None else f"{value:.0f}%"
