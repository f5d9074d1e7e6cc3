"""Options that many commands share, and the state that the main command hands down."""

from dataclasses import dataclass
from typing import Annotated

import typer

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
