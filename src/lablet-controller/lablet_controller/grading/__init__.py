"""Evidence of a lab and its way to the grading engine."""
