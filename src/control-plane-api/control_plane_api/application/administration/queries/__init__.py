"""Questions about settings and quotas."""
