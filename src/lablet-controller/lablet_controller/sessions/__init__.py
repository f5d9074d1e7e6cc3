"""The life of a session: observe, decide, act."""
