"""Options that many commands share, and the state that the main command hands down."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from lcm_cli.errors import CliError, ExitCode
from lcm_cli.output import Output
from lcm_cli.profile import Target


@dataclass(slots=True)
class State:
    """What the options before the command said."""

    url: str = ""
    output: Output = Output.TABLE


def state_of(context: typer.Context) -> State:
    """The state of this call."""
    found = context.find_root().obj
    return found if isinstance(found, State) else State()


def target_of(context: typer.Context) -> Target:
    """The platform of this call."""
    return Target.choose(state_of(context).url)


OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="How to write the result.", show_default=False)
]


def output_of(context: typer.Context, chosen: Output | None) -> Output:
    """The command's own ``--output``, else the one before the command."""
    return chosen or state_of(context).output


_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def instant_of(text: str) -> datetime:
    """An aware instant: ISO 8601, or ``+90m`` / ``+2h`` / ``-1d`` from now. Raises ``CliError``."""
    if text[:1] in ("+", "-") and text[-1] in _UNITS and text[1:-1].isdecimal() and len(text) < 8:
        return datetime.now(UTC) + int(text[:-1]) * _UNITS[text[-1]]
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"{text!r} is no time: write 2026-03-01T10:00Z or +2h", ExitCode.USAGE) from error
    if instant.tzinfo is None:
        raise CliError(f"{text!r} needs a zone, for example 2026-03-01T10:00Z", ExitCode.USAGE)
    return instant
