"""Routers; every module with a ``router`` is mounted."""
