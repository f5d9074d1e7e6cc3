"""Domain events as CloudEvents for the outside world."""
