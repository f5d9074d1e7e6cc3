"""Searches patterns in texts, in a process of its own: ``python -I matcher.py``, questions in, answers out, as JSON.

A pattern that backtracks without end holds the interpreter's lock, so no other thread could stop it; but the search
looks for signals now and then. Here an alarm on processor time interrupts it, which a busy machine does not bring
forward. Memory is limited too, and whoever started the process can kill it. Only the standard library is imported, so
that the process is there at once.
"""

import contextlib
import json
import re
import resource
import signal
import sys
import time

MEMORY_BYTES = 1024 * 1024 * 1024
FOUND, MISSING, TIMEOUT, ERROR = "found", "missing", "timeout", "error"


class OutOfTime(Exception):
    """The alarm went off."""


def _alarm(number: int, frame: object) -> None:
    raise OutOfTime


def search(pattern: str, text: str, seconds: float) -> tuple[str, int, str]:
    """What came of one search, the line of the match (from 1, 0 for none) and a note."""
    if seconds <= 0:
        return TIMEOUT, 0, ""
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            match = re.search(pattern, text, re.MULTILINE)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except OutOfTime:
        return TIMEOUT, 0, ""
    except (re.error, RecursionError, OverflowError, MemoryError) as error:
        return ERROR, 0, str(error) or type(error).__name__
    if match is None:
        return MISSING, 0, ""
    return FOUND, text.count("\n", 0, match.start()) + 1, ""


def main() -> int:
    """Answer one set of questions: ``{"texts", "searches": [[pattern, text number]], "each", "all"}`` (seconds)."""
    asked = json.load(sys.stdin)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # not every system limits the address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
    signal.signal(signal.SIGPROF, _alarm)
    end = time.process_time() + asked["all"]
    answers = [
        search(pattern, asked["texts"][number], min(asked["each"], end - time.process_time()))
        for pattern, number in asked["searches"]
    ]
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
