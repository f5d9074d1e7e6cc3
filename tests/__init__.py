"""Tests of the project as a whole; each package has its own beside its sources."""
