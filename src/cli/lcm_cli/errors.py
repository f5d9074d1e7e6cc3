"""What can go wrong, as one line and an exit code."""

from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console

from lcm_core.clients.errors import (
    ApiError,
    Forbidden,
    NotFound,
    TransientApiError,
    Unauthenticated,
)

_stderr = Console(stderr=True, highlight=False, soft_wrap=True)
P = ParamSpec("P")
R = TypeVar("R")


class ExitCode(IntEnum):
    """What the shell gets."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5
    INTERRUPTED = 130


class CliError(Exception):
    """One line for the user, and the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: ApiError) -> ExitCode:
    """The exit code of a failed call."""
    match error:
        case Unauthenticated() | Forbidden():
            return ExitCode.NOT_ALLOWED
        case NotFound():
            return ExitCode.NOT_FOUND
        case TransientApiError():
            return ExitCode.UNAVAILABLE
        case _:
            return ExitCode.REFUSED


def sentence_of(error: ApiError) -> str:
    """What to tell the user, with the next step where there is one."""
    if isinstance(error, Unauthenticated):
        return f"{error.sentence} Run `lcm login`."
    return error.sentence


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every expected failure of a command into one line on standard error and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CliError as error:
            _stderr.print(f"lcm: {error}", markup=False)
            raise typer.Exit(error.code) from error
        except ApiError as error:
            _stderr.print(f"lcm: {sentence_of(error)}", markup=False)
            raise typer.Exit(code_of(error)) from error
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None

    return run
