"""Named points at which a test may kill the process, to prove that nothing is lost there.

``LCM_FAILPOINTS=name`` ends the process at once at that point (no clean-up, like SIGKILL), ``name:3`` at the third
pass; several are separated by commas. Without the variable a point costs one comparison.
"""

import os
from collections.abc import Sequence

EXIT_CODE = 86
VARIABLE = "LCM_FAILPOINTS"


class Failpoints:
    """The points of one service; calling the object with a name passes that point.

    Args:
        known: every point there is. Raises ``ValueError`` when the setting names another.
        text: the setting; read from the environment by default.
    """

    def __init__(self, known: Sequence[str], text: str | None = None) -> None:
        self._left = _parse(os.environ.get(VARIABLE, "") if text is None else text, known)

    def __call__(self, name: str) -> None:
        """Die here if the setting says so."""
        if not self._left or name not in self._left:
            return
        self._left[name] -= 1
        if self._left[name] <= 0:
            os._exit(EXIT_CODE)


def _parse(text: str, known: Sequence[str]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = part.partition(":")
        if name not in known:
            raise ValueError(f"{VARIABLE}: there is no point {name}; there are {', '.join(known)}")
        wanted[name] = int(count or 1)
    return wanted
