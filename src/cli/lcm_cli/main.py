"""The ``lcm`` command."""

from importlib.metadata import version
from typing import Annotated

import typer

from lcm_cli.commands import applying, costs, labs, reading, sessions, sign_in, workers
from lcm_cli.options import State
from lcm_cli.output import Output

app = typer.Typer(
    name="lcm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run hands-on network labs: reserve them, watch them, look after their machines.",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lcm {version('lcm-cli')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    url: Annotated[str, typer.Option("--url", help="Platform; else LCM_URL, else the one signed in to last.")] = "",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to write results.")] = Output.TABLE,
    version_wanted: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Options before the command hold for all of it."""
    del version_wanted
    context.obj = State(url.rstrip("/"), output)


_SIGN_IN, _LOOK, _DECLARE, _WORKERS, _SESSIONS = "Sign in", "Look", "Declare", "Workers", "Sessions"
for command in (sign_in.login, sign_in.logout, sign_in.whoami):
    app.command(rich_help_panel=_SIGN_IN)(command)
for look in (reading.get, reading.describe, reading.events, costs.costs):
    app.command(rich_help_panel=_LOOK)(look)
for declare in (applying.apply, applying.create):
    app.command(rich_help_panel=_DECLARE)(declare)
for act in (workers.start, workers.stop, workers.drain, workers.refresh, workers.terminate):
    app.command(rich_help_panel=_WORKERS)(act)
app.command("launch-worker", rich_help_panel=_WORKERS)(workers.launch_worker)
app.add_typer(sessions.app, name="session", rich_help_panel=_SESSIONS)
app.add_typer(labs.app, name="lab", rich_help_panel=_WORKERS)

if __name__ == "__main__":
    app()
