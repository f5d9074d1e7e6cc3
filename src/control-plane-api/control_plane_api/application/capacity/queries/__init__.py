"""Questions about capacity."""
