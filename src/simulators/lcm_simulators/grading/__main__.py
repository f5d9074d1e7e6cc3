"""``python -m lcm_simulators.grading``: run the grading engine until SIGTERM."""

import sys

from starlette.types import ASGIApp

from lcm_simulators.common.serving import serve
from lcm_simulators.grading.app import create_app
from lcm_simulators.grading.settings import GradingSettings


def _make() -> tuple[ASGIApp, str, int]:
    settings = GradingSettings()
    return create_app(settings), settings.host, settings.port


if __name__ == "__main__":
    sys.exit(serve("grading", _make))
