"""Content packages: read safely, checked, stored."""
