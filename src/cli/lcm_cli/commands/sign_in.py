"""``login``, ``logout``, ``whoami``."""

import asyncio
import sys
from typing import Annotated

import typer
from pydantic import BaseModel

from lcm_cli import profile
from lcm_cli.api import Api, run
from lcm_cli.errors import CliError, ExitCode, guarded
from lcm_cli.options import OutputOption, output_of, target_of
from lcm_cli.output import Output, plain, write_data
from lcm_core.clients.http import ApiClient
from lcm_core.contracts.platform import UserView


class _Token(BaseModel):
    access_token: str
    expires_in: int


@guarded
def login(
    context: typer.Context,
    username: Annotated[str, typer.Option("--username", "-u", help="User name; asked for when missing.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
    ] = False,
) -> None:
    """Sign in and remember the token for this platform."""
    target = target_of(context)
    name = username or typer.prompt("User name")
    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    if not password:
        raise CliError("the password is empty", ExitCode.USAGE)
    token = asyncio.run(_token(target.url, name, password))
    profile.remember(target.url, name, token.access_token, token.expires_in)
    typer.echo(f"Signed in to {target.url} as {name} for {token.expires_in // 3600} hours.")


async def _token(url: str, username: str, password: str) -> _Token:
    async with ApiClient(url, name="the platform") as client:
        body = {"username": username, "password": password}
        return await client.call("POST", "/api/auth/login", body=body, response=_Token)


@guarded
def logout(context: typer.Context) -> None:
    """Forget the token of this platform."""
    target = target_of(context)
    known = profile.forget(target.url)
    typer.echo(f"Signed out of {target.url}." if known else f"Nobody was signed in to {target.url}.")


@guarded
def whoami(context: typer.Context, output: OutputOption = None) -> None:
    """Tell who is signed in, with which roles."""

    async def work(api: Api) -> UserView:
        return await api.client.call("GET", "/api/auth/user", response=UserView)

    user = run(target_of(context), work)
    chosen = output_of(context, output)
    if chosen is not Output.TABLE:
        write_data(plain(user), chosen)
        return
    department = f", department {user.department}" if user.department else ""
    typer.echo(f"{user.username} ({', '.join(sorted(user.roles))}{department})")
