"""``python -m lcm_cli``."""

from lcm_cli.main import app

app()
