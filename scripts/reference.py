#!/usr/bin/env python3
"""Write the pages that are made from the code: ``python scripts/reference.py [--check]``.

The REST reference comes from the OpenAPI document, the CLI reference from the command line's own definitions, the
settings from the settings classes, the life cycles from the state tables. ``--check`` writes nothing and exits 1 when a
page is out of date.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer.main
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from control_plane_api.composition.platform import build_platform
from control_plane_api.settings import Settings
from lcm_cli.main import app
from lcm_core.domain.definition_states import DEFINITION_STATES
from lcm_core.domain.session_states import SESSION_STATES
from lcm_core.domain.state_table import StateTable
from lcm_core.domain.worker_states import WORKER_STATES

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTE = "<!-- Made from the code by `python scripts/reference.py`; do not edit. -->"
ADDRESS = re.compile(r"(https?://[\w.:-]+)")
METHODS = ("get", "post", "put", "patch", "delete")
SETTINGS = {
    "Control plane": ("control_plane_api.settings", "control_plane_api.domain.deadlines"),
    "Every service": ("lcm_core.settings",),
    "Resource scheduler": ("resource_scheduler.settings",),
    "Worker controller": ("worker_controller.settings",),
    "Lablet controller": ("lablet_controller.settings",),
}


def cell(text: str) -> str:
    """Text fit for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def schema_name(content: Any) -> str:
    """Name of the model in a body or answer; empty when there is none."""
    schema = next(iter((content or {}).values()), {}).get("schema", {})
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
    return str(reference.rsplit("/", 1)[-1])


def rest_page() -> str:
    """Every public path with its bodies and answers."""
    described = build_platform(Settings()).api.openapi()
    lines = [
        "# REST reference",
        "",
        NOTE,
        "",
        "All paths are below `/api`. Errors are problem documents (RFC 9457). `POST` takes an `Idempotency-Key`,",
        "single resources carry an `ETag`, lists take `limit` and `cursor`. The running platform describes each field",
        "at `/api/docs`; `/api/openapi.json` is the document itself. Paths below `/api/internal` are for controllers.",
        "",
    ]
    groups: dict[str, list[str]] = {}
    for path, entry in sorted(described["paths"].items()):
        for method in METHODS:
            if method not in entry or path.startswith("/internal"):
                continue
            operation = entry[method]
            body = schema_name(operation.get("requestBody", {}).get("content"))
            good = next((answer for status, answer in operation["responses"].items() if status.startswith("2")), {})
            row = (f"`{method.upper()} {path}`", operation.get("summary", ""), body, schema_name(good.get("content")))
            group = path.strip("/").split("/")[0]
            groups.setdefault(group, []).append("| " + " | ".join(cell(part) for part in row) + " |")
    for group, rows in groups.items():
        lines += [f"## {group}", "", "| operation | what it does | body | answer |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The command and those below it, with their full names."""
    yield name, command
    for child, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {child}")


def parameter_row(parameter: Any) -> str:
    """One argument or option; empty for what is hidden."""
    meaning = cell(getattr(parameter, "help", "") or "")
    if parameter.param_type_name == "argument":
        return f"| `{parameter.name.upper()}` | {meaning} |"
    return "" if parameter.hidden else f"| `{', '.join(parameter.opts)}` | {meaning} |"


def cli_page() -> str:
    """Every command of ``lcm`` with its arguments and options."""
    lines = ["# Command line reference", "", NOTE, "", "`lcm COMMAND --help` says the same.", ""]
    for name, command in commands(typer.main.get_command(app), "lcm"):
        lines += [f"## {name}", "", " ".join((command.help or "").split()), ""]
        rows = [row for parameter in command.params if (row := parameter_row(parameter))]
        if rows:
            lines += ["| argument or option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def default_of(field: FieldInfo) -> str:
    """The default as one would write it in an environment file."""
    value = field.default
    if value is PydanticUndefined or value is None or field.default_factory is not None:
        return ""
    if "Secret" in type(value).__name__:
        return ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, Path) and value.is_absolute():
        return ""
    return str(value.value if isinstance(value, StrEnum) else value)


def settings_page() -> str:
    """Every environment variable of the deployed services."""
    lines = [
        "# Settings reference",
        "",
        NOTE,
        "",
        "Settings are environment variables. `make run` reads them from `.env.local`, `make up` from `.env`,",
        "`make prod-up` from `deployment/docker-compose/.env.prod`. In containers a secret may come as a file, which",
        "`NAME_FILE` names.",
        "",
    ]
    for title, modules in SETTINGS.items():
        rows = []
        for module in modules:
            for value in vars(importlib.import_module(module)).values():
                if isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module:
                    for field in value.model_fields.values():
                        default = default_of(field)
                        shown = f"`{default}`" if default else ""
                        meaning = ADDRESS.sub(r"`\1`", cell(field.description or ""))
                        rows.append(f"| `{field.validation_alias}` | {shown} | {meaning} |")
        lines += [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *sorted(set(rows)), ""]
    return "\n".join(lines).rstrip() + "\n"


def life_cycle(table: StateTable[Any]) -> list[str]:
    """A diagram and the rows of one state table."""
    lines = [f"## {table.aggregate.capitalize()}", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in table.initial]
    for row in table:
        lines += [f"    {row.state} --> {target}" for target in row.may_go_to]
        if not row.may_go_to:
            lines.append(f"    {row.state} --> [*]")
    lines += ["```", "", "| state | meaning | leads to | deadline | moved by |", "|---|---|---|---|---|"]
    for row in table:
        deadline = f"`{row.deadline}`: {row.on_deadline}" if row.deadline and row.on_deadline else row.deadline
        cells = (f"`{row.state}`", row.sentence, ", ".join(row.may_go_to), deadline, ", ".join(row.moved_by))
        lines.append("| " + " | ".join(cell(part) for part in cells) + " |")
    return [*lines, ""]


def states_page() -> str:
    """The life cycles of everything that has one."""
    lines = ["# Life cycles", "", NOTE, "", "An edge that is not listed is refused with 409 and the legal ones.", ""]
    for table in (SESSION_STATES, WORKER_STATES, DEFINITION_STATES):
        lines += life_cycle(table)
    return "\n".join(lines).rstrip() + "\n"


def rendered() -> dict[Path, str]:
    """Every page and what it must hold."""
    return {
        DOCS / "reference" / "rest.md": rest_page(),
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "settings.md": settings_page(),
        DOCS / "architecture" / "life-cycles.md": states_page(),
    }


def main() -> int:
    """Write or check."""
    pages = rendered()
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if sys.argv[1:] == ["--check"]:
        if stale:
            names = ", ".join(str(path.relative_to(DOCS)) for path in stale)
            print(f"out of date, run `python scripts/reference.py`: {names}", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
