"""Pipelines as data: steps with checkpoints, retries and compensation, and the engine that runs them."""
