"""``python -m control_plane_api``."""

import sys

from control_plane_api.main import main

sys.exit(main())
