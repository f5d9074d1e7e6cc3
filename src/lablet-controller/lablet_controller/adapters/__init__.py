"""Adapters of the outside world, one per system."""
