"""``lcm lab …``: the labs on workers, whoever made them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lcm_cli.api import Api, run
from lcm_cli.commands.reading import show
from lcm_cli.errors import CliError, guarded
from lcm_cli.kinds import kind_of
from lcm_cli.options import OutputOption, output_of, target_of
from lcm_cli.output import Output
from lcm_core.contracts.definitions import ArtifactView
from lcm_core.contracts.labs import BindLab, ImportLab
from lcm_core.contracts.workers import LabRecordView

app = typer.Typer(no_args_is_help=True, help="Look after the labs on workers, whoever made them.")
LabArgument = Annotated[str, typer.Argument(help="Id of the lab record.")]
_PATH = "/api/lab-records"
_POLL_SECONDS = 0.3
_PATIENCE_SECONDS = 300.0


async def _done(api: Api, record: LabRecordView) -> LabRecordView:
    """The record once nothing is asked of the lab any more. Raises ``CliError`` with the reason of a failure."""
    waited = 0.0
    while record.spec.pending_action:
        if waited > _PATIENCE_SECONDS:
            raise CliError(f"{record.spec.pending_action} takes long; look at it with `lcm describe lab {record.id}`")
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        record = await api.client.call("GET", f"{_PATH}/{record.id}", response=LabRecordView)
    if record.status.last_error:
        raise CliError(record.status.last_error)
    return record


def _act(context: typer.Context, lab: str, action: str, output: Output | None) -> None:
    async def work(api: Api) -> LabRecordView:
        return await _done(api, await api.client.call("POST", f"{_PATH}/{lab}/{action}", response=LabRecordView))

    show(kind_of("labs"), [run(target_of(context), work)], output_of(context, output))


@app.command()
@guarded
def start(context: typer.Context, lab: LabArgument, output: OutputOption = None) -> None:
    """Start every node."""
    _act(context, lab, "start", output)


@app.command()
@guarded
def stop(context: typer.Context, lab: LabArgument, output: OutputOption = None) -> None:
    """Stop every node; disks are kept."""
    _act(context, lab, "stop", output)


@app.command()
@guarded
def wipe(context: typer.Context, lab: LabArgument, output: OutputOption = None) -> None:
    """Stop every node and discard its disk; refused for a lab of a session."""
    _act(context, lab, "wipe", output)


@app.command()
@guarded
def delete(context: typer.Context, lab: LabArgument, output: OutputOption = None) -> None:
    """Remove the lab from its worker; refused for a lab of a session."""
    _act(context, lab, "delete", output)


@app.command()
@guarded
def clone(context: typer.Context, lab: LabArgument, output: OutputOption = None) -> None:
    """Make a copy on the same worker, which belongs to nobody."""
    _act(context, lab, "clone", output)


@app.command()
@guarded
def bind(
    context: typer.Context,
    lab: LabArgument,
    session: Annotated[str, typer.Argument(help="Id of a session that is scheduled on the lab's worker.")],
    output: OutputOption = None,
) -> None:
    """Give a lab that nobody owns to a session; it ends with the session."""

    async def work(api: Api) -> LabRecordView:
        body = BindLab(session_id=session)
        asked = await api.client.call("POST", f"{_PATH}/{lab}/bind", body=body, response=LabRecordView)
        return await _done(api, asked)

    show(kind_of("labs"), [run(target_of(context), work)], output_of(context, output))


@app.command("import")
@guarded
def import_lab(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A topology as CML exports it.")],
    worker: Annotated[str, typer.Option("--worker", "-w", help="Id or name of a running worker.")],
    title: Annotated[str, typer.Option(help="Another title.")] = "",
    output: OutputOption = None,
) -> None:
    """Make a lab of a topology on a worker; it belongs to nobody."""

    async def work(api: Api) -> LabRecordView:
        artifact = await api.client.upload(
            "/api/artifacts",
            filename=file.name,
            content_type="application/yaml",
            content=file.read_bytes(),
            response=ArtifactView,
        )
        worker_id = await api.id_of(kind_of("workers"), worker)
        body = ImportLab(worker_id=worker_id, artifact_id=artifact.id, title=title)
        asked = await api.client.call("POST", f"{_PATH}/import", body=body, response=LabRecordView)
        return await _done(api, asked)

    show(kind_of("labs"), [run(target_of(context), work)], output_of(context, output))


@app.command()
@guarded
def export(
    context: typer.Context,
    lab: LabArgument,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Where to write it, else standard output.")] = None,
) -> None:
    """Write the topology as CML exports it now."""

    async def work(api: Api) -> bytes:
        await _done(api, await api.client.call("POST", f"{_PATH}/{lab}/export", response=LabRecordView))
        return await api.client.download(f"{_PATH}/{lab}/export")

    content = run(target_of(context), work)
    if file is None:
        typer.echo(content.decode(), nl=False)
    else:
        file.write_bytes(content)
