"""Stand-ins of the outside world, reached over their real wire protocols."""
