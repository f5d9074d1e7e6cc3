"""Runs operations of the vendor's client one by one and remembers what became of each."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Recorder:
    """`do` runs one operation; `finish` prints the outcome of all as JSON for the test that started this program."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def do(self, name: str, call: Callable[[], T], check: Callable[[T], object] | None = None) -> T:
        """Run an operation. A failure is remembered and ends the run, since other operations build on it."""
        try:
            result = call()
            if check is not None and not check(result):
                raise AssertionError(f"unexpected result: {result!r}")
        except Exception:
            self.outcomes[name] = traceback.format_exc(limit=6)
            self.finish()
            sys.exit(1)
        self.outcomes.setdefault(name, "")
        return result

    def refused(self, name: str, call: Callable[[], object], status: int, text: str = "") -> None:
        """Run an operation that the controller must refuse with this status and a description that holds `text`."""
        try:
            call()
        except Exception as error:
            response: Any = getattr(error, "response", None)
            found = (getattr(response, "status_code", None), str(error))
            self.do(name, lambda: found, lambda found: found[0] == status and text in found[1])
        else:
            self.do(name, lambda: "not refused", lambda _: False)

    def until(self, name: str, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something that the controller does later."""
        deadline = time.monotonic() + seconds

        def wait() -> bool:
            while not condition():
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
            return True

        self.do(name, wait, lambda reached: reached)

    def finish(self) -> None:
        """Print the outcomes."""
        print(json.dumps(self.outcomes))
