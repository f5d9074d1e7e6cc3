"""What administrators set: dynamic settings and quotas."""
