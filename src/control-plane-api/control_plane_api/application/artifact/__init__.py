"""Vertical slice of the application layer."""
