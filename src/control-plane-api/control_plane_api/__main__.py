"""``python -m control_plane_api``."""

import sys

from control_plane_api.main import main

if __name__ == "__main__":
    sys.exit(main())
