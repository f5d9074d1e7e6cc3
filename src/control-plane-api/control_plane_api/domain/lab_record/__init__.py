"""Lab records."""
