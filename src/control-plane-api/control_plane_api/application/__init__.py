"""Commands and queries: authorize, load, change, save."""
