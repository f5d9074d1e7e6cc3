"""``get``, ``describe``, ``events``: look, and keep looking."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel, ValidationError

from lcm_cli.api import Api, StreamEvent, connected, run
from lcm_cli.errors import CliError, ExitCode, guarded
from lcm_cli.kinds import KindInfo, complete_kind, kind_of
from lcm_cli.options import OutputOption, output_of, target_of
from lcm_cli.output import Output, plain, write_data, write_table

KindArgument = Annotated[str, typer.Argument(help="workers, sessions, definitions, …", autocompletion=complete_kind)]
WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Go on and show every change until Ctrl-C.")]


def _filters(pairs: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name or not value:
            raise CliError(f"--filter {pair!r} must look like phase=running", ExitCode.USAGE)
        filters[name] = value
    return filters


def _row(kind: KindInfo, item: BaseModel) -> list[str]:
    return [cell(item) for cell in kind.columns.values()]


def show(kind: KindInfo, items: list[BaseModel], output: Output) -> None:
    """Write objects of one kind."""
    if output is Output.TABLE:
        write_table(list(kind.columns), [_row(kind, item) for item in items])
    else:
        write_data([plain(item) for item in items], output)


@guarded
def get(
    context: typer.Context,
    kind: KindArgument,
    name: Annotated[str, typer.Argument(help="Id or name; all objects without it.")] = "",
    filter_: Annotated[
        list[str] | None, typer.Option("--filter", "-f", help="Such as phase=running; repeatable.")
    ] = None,
    sort: Annotated[str, typer.Option(help="Field to sort by; a leading minus sorts downwards.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many (0: all).")] = 0,
    watch: WatchOption = False,
    output: OutputOption = None,
) -> None:
    """List objects of a kind, or show one."""
    info, chosen = kind_of(kind), output_of(context, output)
    filters = _filters(filter_ or []) | ({"sort": sort} if sort else {})
    target = target_of(context)
    if watch and not info.event:
        raise CliError(f"{info.name} have no events to watch", ExitCode.USAGE)

    async def look(api: Api) -> list[BaseModel]:
        return [await api.one(info, name)] if name else await api.items(info, filters, limit)

    async def main() -> None:
        async with connected(target) as api:
            items = await look(api)
            show(info, items, chosen)
            if watch:
                await _follow(api, info, {_key(item) for item in items} if name or filters else None, chosen)

    asyncio.run(main())


def _key(item: BaseModel) -> str:
    return str(getattr(item, "id", ""))


async def _follow(api: Api, kind: KindInfo, only: set[str] | None, output: Output) -> None:
    """Print one row per change; what was listed already is skipped by its version."""
    seen: dict[str, int] = {}
    async for event in api.events():
        item = _item(kind, event)
        if item is None or (only is not None and _key(item) not in only):
            continue
        version = int(getattr(item, "version", 0))
        if seen.get(_key(item)) == version:
            continue
        seen[_key(item)] = version
        if output is Output.TABLE:
            typer.echo("  ".join(_row(kind, item)))
        else:
            write_data(plain(item), output)


def _item(kind: KindInfo, event: StreamEvent) -> BaseModel | None:
    if event.name != f"{kind.event}.snapshot":
        return None
    try:
        return kind.view.model_validate(event.data)
    except ValidationError:
        return None


@guarded
def describe(
    context: typer.Context,
    kind: KindArgument,
    name: Annotated[str, typer.Argument(help="Id or name.")],
    output: OutputOption = None,
) -> None:
    """Show everything about one object, and why it is where it is."""
    info, chosen = kind_of(kind), output_of(context, output)

    async def work(api: Api) -> BaseModel:
        return await api.one(info, name)

    item = run(target_of(context), work)
    write_data(plain(item), Output.YAML if chosen is Output.TABLE else chosen)


@guarded
def events(
    context: typer.Context,
    only: Annotated[str, typer.Option(help="Only events that begin like this, such as session.")] = "",
    output: OutputOption = None,
) -> None:
    """Follow the live stream until Ctrl-C."""
    chosen = output_of(context, output)
    target = target_of(context)

    async def main() -> None:
        async with connected(target) as api:
            async for event in api.events():
                if event.name.startswith(only):
                    _print_event(event, chosen)

    asyncio.run(main())


def _print_event(event: StreamEvent, output: Output) -> None:
    if output is not Output.TABLE:
        write_data({"event": event.name, "id": event.id, "data": event.data}, output)
        return
    status = event.data.get("status")
    phase = status.get("phase", "") if isinstance(status, dict) else ""
    message = status.get("message", "") if isinstance(status, dict) else event.data.get("message", "")
    moment = datetime.now(UTC).strftime("%H:%M:%S")
    typer.echo(f"{moment}  {event.name:<24} {event.data.get('id', '')}  {phase}  {message}".rstrip())
