"""Outgoing CloudEvents."""
