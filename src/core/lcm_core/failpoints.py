"""Named points at which a test may kill the process, to prove that nothing is lost there.

``LCM_FAILPOINT=name`` ends the process at once at that point (no clean-up, like SIGKILL); ``LCM_FAILPOINT=name:3`` at
the third pass. Without the variable a point costs one comparison.
"""

import os

EXIT_CODE = 86
_name, _, _count = os.environ.get("LCM_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Die here if the environment says so."""
    global _left
    if not _name or name != _name:
        return
    _left -= 1
    if _left <= 0:
        os._exit(EXIT_CODE)
