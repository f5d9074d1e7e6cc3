"""Versions of the topology schema."""

KNOWN = ("0.0.1", "0.0.2", "0.0.3", "0.0.4", "0.0.5", "0.1.0", "0.2.0", "0.2.1", "0.2.2", "0.3.0", "0.3.1")


def schema_version(release: tuple[int, int]) -> str:
    """The schema that a controller of this release writes."""
    return "0.3.1" if release >= (2, 10) else "0.3.0"
