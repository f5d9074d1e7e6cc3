"""Tests of the whole platform: every process real, only the outside world simulated."""
