"""The HTTP edge: maps requests to commands and queries, and results to responses."""
