"""The steps of the pipelines."""
