"""Regions and their availability zones."""

REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-1",
    "ap-northeast-1",
)


def zones_of(region: str) -> list[str]:
    """The availability zones of a region."""
    return [f"{region}{letter}" for letter in "abc"]
