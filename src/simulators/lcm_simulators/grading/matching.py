"""Asking the matcher process."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lcm_simulators.grading import matcher

_PROGRAM = Path(matcher.__file__)
_PATIENCE = 10.0
"""Real seconds for each processor second on a busy machine, before the process is given up."""


class Verdict(StrEnum):
    """What came of one search."""

    FOUND = matcher.FOUND
    MISSING = matcher.MISSING
    TIMEOUT = matcher.TIMEOUT
    ERROR = matcher.ERROR


@dataclass(frozen=True, slots=True)
class Search:
    """A pattern and the number of the text it is looked for in."""

    pattern: str
    text: int


@dataclass(frozen=True, slots=True)
class Found:
    """The result of one search; ``line`` counts from 1."""

    verdict: Verdict
    line: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Processor seconds of each search and of all together."""

    each: float
    all: float


async def search_all(texts: Sequence[str], searches: Sequence[Search], limits: TimeLimits) -> list[Found]:
    """Results in the order of the searches; when the process dies, all of them are errors."""
    if not searches:
        return []
    asked = {
        "texts": texts,
        "searches": [[search.pattern, search.text] for search in searches],
        "each": limits.each,
        "all": limits.all,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE * (limits.all + 1)):
            output, _ = await process.communicate(json.dumps(asked).encode())
        answers = json.loads(output) if process.returncode == 0 else []
    except TimeoutError:
        answers = []
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if len(answers) != len(searches):
        return [Found(Verdict.ERROR, note="the search ended before it had a result")] * len(searches)
    return [Found(Verdict(verdict), line, note) for verdict, line, note in answers]
