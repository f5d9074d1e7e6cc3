"""Server-sent events: what browsers see of the platform, as it happens."""
