"""Operator tasks."""
