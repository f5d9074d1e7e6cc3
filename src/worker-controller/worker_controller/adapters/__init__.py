"""The outside world over its real protocols."""
