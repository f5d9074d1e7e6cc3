"""Named points at which a test may kill the process, to prove that nothing is lost there.

``LCM_FAILPOINTS=name`` ends the process at once at that point (no clean-up, like SIGKILL), ``name:3`` at the third
pass; several are separated by commas. Without the variable a point costs two comparisons.
"""

import os
from collections.abc import Sequence

EXIT_CODE = 86
VARIABLE = "LCM_FAILPOINTS"


class Failpoints:
    """The points of one service; calling the object with a name passes that point.

    Args:
        known: every point there is. A setting that names another raises ``ValueError``.
        text: the setting; by default the environment's, read at the first pass, as a test may load the service's
            modules before it says what the process is to do.
    """

    def __init__(self, known: Sequence[str], text: str | None = None) -> None:
        self._known = known
        self._left = None if text is None else parse(text, known)

    def __call__(self, name: str) -> None:
        """Die here if the setting says so."""
        if self._left is None:
            self._left = parse(os.environ.get(VARIABLE, ""), self._known)
        if not self._left or name not in self._left:
            return
        self._left[name] -= 1
        if self._left[name] <= 0:
            os._exit(EXIT_CODE)


def parse(text: str, known: Sequence[str]) -> dict[str, int]:
    """Point to the number of the pass that kills. Raises ``ValueError`` for a point that does not exist."""
    wanted: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = part.partition(":")
        if name not in known:
            raise ValueError(f"{VARIABLE}: there is no point {name}; there are {', '.join(known)}")
        wanted[name] = int(count or 1)
    return wanted
