"""Named points at which a test may kill the process, to prove that nothing is lost there.

``LCM_FAILPOINTS=name`` ends the process at once at that point (no clean-up, like SIGKILL), ``name:3`` at the third
pass; several are separated by commas. Without the variable a point costs one comparison.
"""

import os

EXIT_CODE = 86
FAILPOINTS = (
    "before-commit",
    "after-commit",
    "after-claim",
    "before-release",
    "before-projection",
    "after-projection",
    "after-events",
    "after-pull",
    "after-inbound",
)
"""Every point there is, in the order in which a write passes them."""


def parse(text: str) -> dict[str, int]:
    """Point to the number of the pass that kills. Raises ``ValueError`` for a point that does not exist."""
    wanted: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = part.partition(":")
        if name not in FAILPOINTS:
            raise ValueError(f"LCM_FAILPOINTS: there is no point {name}; there are {', '.join(FAILPOINTS)}")
        wanted[name] = int(count or 1)
    return wanted


_left = parse(os.environ.get("LCM_FAILPOINTS", ""))


def failpoint(name: str) -> None:
    """Die here if the environment says so."""
    if not _left or name not in _left:
        return
    _left[name] -= 1
    if _left[name] <= 0:
        os._exit(EXIT_CODE)
