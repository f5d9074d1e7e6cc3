"""Owns the truth about labs: CML labs, LDS, grading, content."""
