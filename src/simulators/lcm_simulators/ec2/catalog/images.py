"""Machine images, with their own ids in each region.

The catalog is made to catch selection by name: build 10 sorts before build 9, a rebuild of 2.8.1 is younger than most
of 2.9, the newest image is not the one of the highest version, and in one region the youngest cannot be used yet.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from lcm_simulators.ec2.catalog.regions import REGIONS

OWNER = "123456789012"
DEBIAN_OWNER = "136693071363"


@dataclass(frozen=True, slots=True)
class Image:
    """One image; `cml_version` is empty for one that carries no CML."""

    image_id: str
    name: str
    created: datetime
    cml_version: str
    state: str = "available"
    owner: str = OWNER
    disk_gb: int = 256
    description: str = ""


@dataclass(frozen=True, slots=True)
class _Build:
    name: str
    created: str
    cml_version: str
    state: str = "available"
    owner: str = OWNER
    disk_gb: int = 256
    regions_without: tuple[str, ...] = ()


_OLDER = tuple(region for region in REGIONS if region != "eu-central-1")
"""Regions that have no build which is still being made."""

_BUILDS = (
    _Build("cml-2.8.1-lablet-3", "2025-02-11T09:14:31", "2.8.1+build.15"),
    _Build("cml-2.9.0-lablet-1", "2025-06-24T16:02:07", "2.9.0+build.25"),
    _Build("cml-2.9.1-lablet-8", "2025-09-02T11:40:55", "2.9.1+build.7"),
    _Build("cml-2.9.1-lablet-9", "2025-11-18T08:21:12", "2.9.1+build.7"),
    _Build("cml-2.10.0-lablet-1", "2026-03-17T13:30:00", "2.10.0+build.11", regions_without=("ap-southeast-1",)),
    _Build("cml-2.8.1-lablet-4", "2026-04-02T07:55:43", "2.8.1+build.15"),
    _Build("cml-2.9.1-lablet-10", "2026-05-20T10:05:26", "2.9.1+build.7"),
    _Build("cml-2.10.1-lablet-1", "2026-11-01T06:00:00", "2.10.1+build.2", state="pending", regions_without=_OLDER),
    _Build("debian-12-amd64-20260512", "2026-05-12T00:00:00", "", owner=DEBIAN_OWNER, disk_gb=8),
)


def _image(region: str, build: _Build) -> Image:
    digest = hashlib.sha256(f"{region}/{build.name}".encode()).hexdigest()
    return Image(
        image_id=f"ami-0{digest[:16]}",
        name=build.name,
        created=datetime.fromisoformat(build.created).replace(tzinfo=UTC),
        cml_version=build.cml_version,
        state=build.state,
        owner=build.owner,
        disk_gb=build.disk_gb,
        description=f"Cisco Modeling Labs {build.cml_version}" if build.cml_version else "Debian 12",
    )


_IMAGES = {
    region: {
        image.image_id: image
        for image in (_image(region, build) for build in _BUILDS if region not in build.regions_without)
    }
    for region in REGIONS
}


def images_in(region: str) -> list[Image]:
    """The images of a region, in no useful order, as EC2 answers them."""
    return sorted(_IMAGES.get(region, {}).values(), key=lambda image: image.image_id)


def image_of(region: str, image_id: str) -> Image | None:
    """One image of a region, or None when it is unknown there."""
    return _IMAGES.get(region, {}).get(image_id)
