"""``start``, ``stop``, ``drain``, ``terminate``, ``refresh``: act on a worker; ``launch-worker``: make one."""

from typing import Annotated

import typer

from lcm_cli.api import Api, run
from lcm_cli.commands.reading import show
from lcm_cli.errors import CliError, ExitCode, guarded
from lcm_cli.kinds import kind_of
from lcm_cli.options import OutputOption, output_of, target_of
from lcm_cli.output import Output
from lcm_core.contracts.workers import CreateWorker, WorkerView

WorkerArgument = Annotated[str, typer.Argument(help="Id or name of the worker.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-m", help="Why, for the audit trail.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _ask(context: typer.Context, worker: str, action: str, reason: str, output: Output | None) -> None:
    kind = kind_of("workers")

    async def work(api: Api) -> WorkerView:
        worker_id = await api.id_of(kind, worker)
        path = f"{kind.path}/{worker_id}/{action}"
        return await api.client.call("POST", path, body={"reason": reason}, response=WorkerView)

    show(kind, [run(target_of(context), work)], output_of(context, output))


@guarded
def start(
    context: typer.Context, worker: WorkerArgument, reason: ReasonOption = "", output: OutputOption = None
) -> None:
    """Start a stopped worker."""
    _ask(context, worker, "start", reason, output)


@guarded
def stop(
    context: typer.Context, worker: WorkerArgument, reason: ReasonOption = "", output: OutputOption = None
) -> None:
    """Stop a worker; refused while sessions need it."""
    _ask(context, worker, "stop", reason, output)


@guarded
def drain(
    context: typer.Context,
    worker: WorkerArgument,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take sessions again.")] = False,
    reason: ReasonOption = "",
    output: OutputOption = None,
) -> None:
    """Let a worker take no new sessions, wait for the last one, then stop it."""
    _ask(context, worker, "cancel-drain" if cancel else "drain", reason, output)


@guarded
def refresh(context: typer.Context, worker: WorkerArgument, output: OutputOption = None) -> None:
    """Look at the machine again now."""
    _ask(context, worker, "refresh", "", output)


@guarded
def terminate(
    context: typer.Context, worker: WorkerArgument, yes: YesOption = False, reason: ReasonOption = "",
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Destroy a worker's machine, after its labs are stopped and its license is returned."""
    if not yes and typer.prompt(f"Type {worker} to terminate it") != worker:
        raise CliError("not confirmed: nothing was changed", ExitCode.USAGE)
    _ask(context, worker, "terminate", reason, output)


@guarded
def launch_worker(
    context: typer.Context,
    template: Annotated[str, typer.Argument(help="Id or name of the worker template.")],
    region: Annotated[str, typer.Option(help="Region; the template's first one by default.")] = "",
    name: Annotated[str, typer.Option(help="Name of the worker.")] = "",
    output: OutputOption = None,
) -> None:
    """Launch one worker from a template."""

    async def work(api: Api) -> WorkerView:
        template_id = await api.id_of(kind_of("templates"), template)
        body = CreateWorker(template_id=template_id, region=region, name=name)
        return await api.client.call("POST", "/api/workers", body=body, response=WorkerView)

    show(kind_of("workers"), [run(target_of(context), work)], output_of(context, output))
