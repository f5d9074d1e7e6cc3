"""``lcm costs``: what sessions cost, by owner or department."""

from typing import Annotated

import typer

from lcm_cli.api import Api, run
from lcm_cli.errors import guarded
from lcm_cli.options import OutputOption, instant_of, output_of, target_of
from lcm_cli.output import Output, plain, write_data, write_table
from lcm_core.contracts.costs import CostGrouping, CostsView


@guarded
def costs(
    context: typer.Context,
    by: Annotated[CostGrouping, typer.Option(help="Whose sums.")] = CostGrouping.OWNER,
    start: Annotated[str, typer.Option(help="Begin of the window: ISO 8601 or -7d; else 30 days ago.")] = "",
    end: Annotated[str, typer.Option(help="End of the window: ISO 8601 or +7d; else in 30 days.")] = "",
    output: OutputOption = None,
) -> None:
    """Tell what sessions have cost, and will have cost at the ends of their slots."""
    chosen = output_of(context, output)
    window = {name: instant_of(text).isoformat() for name, text in (("start", start), ("end", end)) if text}

    async def work(api: Api) -> CostsView:
        return await api.client.call("GET", "/api/costs", params={"by": by, **window}, response=CostsView)

    found = run(target_of(context), work)
    if chosen is not Output.TABLE:
        write_data(plain(found), chosen)
        return
    lines = [(item.name or "-", item.sessions, item.cost_usd, item.forecast_usd) for item in found.items]
    lines.append(("total", found.sessions, found.cost_usd, found.forecast_usd))
    rows = [[name, str(sessions), f"{cost:.2f}", f"{forecast:.2f}"] for name, sessions, cost, forecast in lines]
    write_table([by, "sessions", "usd so far", "usd forecast"], rows)
