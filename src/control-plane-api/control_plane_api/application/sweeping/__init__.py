"""Completes what a crash left half done."""
