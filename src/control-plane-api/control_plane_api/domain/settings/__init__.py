"""Dynamic settings."""
