"""Aggregates: state and rules without I/O."""
