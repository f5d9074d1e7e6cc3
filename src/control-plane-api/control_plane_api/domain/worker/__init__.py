"""Workers and their templates."""
