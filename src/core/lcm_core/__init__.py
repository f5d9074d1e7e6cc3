"""Shared vocabulary, contracts and machinery of the Lablet Cloud Manager."""
