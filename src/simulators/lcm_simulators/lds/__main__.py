"""``python -m lcm_simulators.lds``: run the delivery system until SIGTERM."""

import sys

from starlette.types import ASGIApp

from lcm_simulators.common.serving import serve
from lcm_simulators.lds.app import create_app
from lcm_simulators.lds.settings import LdsSettings


def _make() -> tuple[ASGIApp, str, int]:
    settings = LdsSettings()
    return create_app(settings), settings.host, settings.port


if __name__ == "__main__":
    sys.exit(serve("lds", _make))
