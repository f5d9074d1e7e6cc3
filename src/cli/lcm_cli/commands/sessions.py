"""``lcm session …``: reserve a lab, follow it, use it, end it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import typer

from lcm_cli.api import Api, connected, run
from lcm_cli.commands.reading import show
from lcm_cli.errors import CliError, ExitCode, guarded
from lcm_cli.kinds import kind_of
from lcm_cli.options import OutputOption, instant_of, output_of, target_of
from lcm_cli.output import Output, plain, write_data
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import ExtendSession, LaunchView, ReserveSession, ScoreReportView, SessionView

app = typer.Typer(no_args_is_help=True, help="Reserve a lab, follow it, use it, end it.")
SessionArgument = Annotated[str, typer.Argument(help="Id of the session.")]
_PATH = "/api/lablet-sessions"


@app.command()
@guarded
def reserve(
    context: typer.Context,
    definition: Annotated[str, typer.Argument(help="Id or name of the definition (newest version).")],
    start: Annotated[str, typer.Option(help="Begin: ISO 8601 or +2h; else as soon as possible.")] = "",
    minutes: Annotated[int, typer.Option("--minutes", "-d", min=5, help="How long.")] = 60,
    owner: Annotated[str, typer.Option(help="For somebody of your department (managers).")] = "",
    priority: Annotated[int, typer.Option(min=-10, max=10, help="Place in the queue.")] = 0,
    note: Annotated[str, typer.Option(help="Free text.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it is ready or has ended.")] = False,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Reserve a lab, now or for a slot."""
    begin = instant_of(start) if start else None
    chosen, target = output_of(context, output), target_of(context)

    async def main() -> SessionView:
        async with connected(target) as api:
            definition_id = await api.id_of(kind_of("definitions"), definition)
            body = ReserveSession(
                definition_id=definition_id,
                slot=Slot(start=begin, end=begin + timedelta(minutes=minutes)) if begin else None,
                as_soon_as_possible=begin is None,
                duration_minutes=None if begin else minutes,
                owner=owner,
                priority=priority,
                note=note,
            )
            session = await api.client.call("POST", _PATH, body=body, response=SessionView)
            return await _follow(api, session, {"ready", "running"}) if wait else session

    _show(asyncio.run(main()), chosen)


async def _follow(api: Api, session: SessionView, phases: set[str]) -> SessionView:
    """Tell each phase and reason on standard error until one of the phases, or the end."""
    said = ""
    while True:
        status = session.status
        explained = status.explanation.message if status.phase == "pending" and status.explanation else status.message
        line = f"{status.phase}: {explained}"
        if line != said:
            typer.echo(line, err=True)
            said = line
        if status.phase in phases or status.phase == "terminated":
            return session
        await asyncio.sleep(1.0)
        session = await api.client.call("GET", f"{_PATH}/{session.id}", response=SessionView)


def _show(session: SessionView, output: Output) -> None:
    show(kind_of("sessions"), [session], output)


def _post(
    context: typer.Context, session: str, action: str, body: Mapping[str, object] | None, output: Output | None
) -> None:
    async def work(api: Api) -> SessionView:
        return await api.client.call("POST", f"{_PATH}/{session}/{action}", body=body, response=SessionView)

    _show(run(target_of(context), work), output_of(context, output))


@app.command()
@guarded
def extend(
    context: typer.Context,
    session: SessionArgument,
    end: Annotated[str, typer.Option("--end", help="New end of the slot, ISO 8601.")] = "",
    minutes: Annotated[int, typer.Option("--minutes", "-d", min=0, help="Or so many minutes more.")] = 0,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Move the end of a session's slot."""
    if bool(end) == bool(minutes):
        raise CliError("give either --end or --minutes", ExitCode.USAGE)

    async def work(api: Api) -> SessionView:
        path = f"{_PATH}/{session}"
        if end:
            until = instant_of(end)
        else:
            now = await api.client.call("GET", path, response=SessionView)
            slot = now.status.placement.booked if now.status.placement else now.spec.slot
            until = slot.end + timedelta(minutes=minutes)
        return await api.client.call("POST", f"{path}/extend", body=ExtendSession(end=until), response=SessionView)

    _show(run(target_of(context), work), output_of(context, output))


@app.command("terminate")
@guarded
def terminate(
    context: typer.Context,
    session: SessionArgument,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why.")] = "",
    output: OutputOption = None,
) -> None:
    """Cancel or end a session; its lab is removed."""
    _post(context, session, "cancel", {"reason": reason}, output)


@app.command()
@guarded
def stop(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Pause a running session; everything stays held."""
    _post(context, session, "stop", None, output)


@app.command()
@guarded
def resume(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Go on with a paused session."""
    _post(context, session, "resume", None, output)


@app.command()
@guarded
def start(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Say that the learner has started, where no delivery system does."""
    _post(context, session, "start", None, output)


@app.command()
@guarded
def restart(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Stop and start the lab in place."""
    _post(context, session, "restart", None, output)


@app.command()
@guarded
def retry(
    context: typer.Context,
    session: SessionArgument,
    step: Annotated[str, typer.Option("--from", help="The step from which the lab is built again.")],
    output: OutputOption = None,
) -> None:
    """Build a lab again from a step on; what was made is undone first."""
    _post(context, session, "retry", {"step": step}, output)


@app.command()
@guarded
def grade(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Collect the evidence and grade it now."""
    _post(context, session, "collect-and-grade", None, output)


@app.command()
@guarded
def launch(context: typer.Context, session: SessionArgument) -> None:
    """Print the learner's link; each reading is audited."""

    async def work(api: Api) -> LaunchView:
        return await api.client.call("GET", f"{_PATH}/{session}/launch", response=LaunchView)

    typer.echo(run(target_of(context), work).url)


@app.command()
@guarded
def score(context: typer.Context, session: SessionArgument, output: OutputOption = None) -> None:
    """Show the score report."""

    async def work(api: Api) -> ScoreReportView:
        return await api.client.call("GET", f"{_PATH}/{session}/score-report", response=ScoreReportView)

    report, chosen = run(target_of(context), work), output_of(context, output)
    if chosen is not Output.TABLE:
        write_data(plain(report), chosen)
        return
    typer.echo(f"{report.score:g} of {report.max_score:g}: {'passed' if report.passed else 'not passed'}")
    for section in report.sections:
        typer.echo(f"  {section.name}: {section.score:g} of {section.max_score:g}")
        for check in section.checks:
            typer.echo(f"    {'+' if check.passed else '-'} {check.id}: {check.message}")


@app.command()
@guarded
def watch(context: typer.Context, session: SessionArgument) -> None:
    """Follow a session until it has ended; the exit code tells whether it completed."""

    async def work(api: Api) -> SessionView:
        begun = await api.client.call("GET", f"{_PATH}/{session}", response=SessionView)
        return await _follow(api, begun, set())

    ended = run(target_of(context), work)
    if ended.status.outcome != "completed":
        raise CliError(f"the session ended as {ended.status.outcome}: {ended.status.message}")
