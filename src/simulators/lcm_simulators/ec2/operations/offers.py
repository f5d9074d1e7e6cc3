"""DescribeImages, DescribeInstanceTypes, DescribeInstanceTypeOfferings, DescribeRegions, DescribeAvailabilityZones."""

from pydantic import Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.catalog import MACHINES, REGIONS, Image, Machine, images_in, zones_of
from lcm_simulators.ec2.catalog.images import OWNER
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.operations.selection import PagedRequest, filtered, page, read
from lcm_simulators.ec2.wire import xml
from lcm_simulators.ec2.wire.query import Tree


class ImagesRequest(PagedRequest):
    """Parameters of DescribeImages."""

    image_ids: list[str] = Field(default_factory=list, alias="ImageId")
    owners: list[str] = Field(default_factory=list, alias="Owner")


class TypesRequest(PagedRequest):
    """Parameters of DescribeInstanceTypes."""

    names: list[str] = Field(default_factory=list, alias="InstanceType")


class RegionsRequest(PagedRequest):
    """Parameters of DescribeRegions and DescribeAvailabilityZones."""

    regions: list[str] = Field(default_factory=list, alias="RegionName")
    zones: list[str] = Field(default_factory=list, alias="ZoneName")


def describe_images(fleet: Fleet, call: Call) -> Tree:
    """The images of the region, in no useful order."""
    request = read(ImagesRequest, call.parameters)
    images = images_in(call.region)
    if request.image_ids:
        unknown = set(request.image_ids) - {image.image_id for image in images}
        if unknown:
            raise AwsError("InvalidAMIID.NotFound", f"The image ids '{sorted(unknown)}' do not exist")
        images = [image for image in images if image.image_id in request.image_ids]
    if request.owners:
        owners = {OWNER if owner == "self" else owner for owner in request.owners}
        images = [image for image in images if image.owner in owners]
    images = filtered(images, request.filters, _image_attribute)
    images, token = page(images, request, lambda image: image.image_id, smallest=1)
    return {"imagesSet": [_image_view(image) for image in images], "nextToken": token}


def _image_attribute(image: Image, name: str) -> list[str] | None:
    values = {
        "name": image.name,
        "image-id": image.image_id,
        "state": image.state,
        "owner-id": image.owner,
        "creation-date": xml.timestamp(image.created),
        "description": image.description,
        "architecture": "x86_64",
        "image-type": "machine",
        "is-public": "false" if image.owner == OWNER else "true",
        "root-device-type": "ebs",
        "virtualization-type": "hvm",
        "tag:cml:version": image.cml_version,
    }
    if name.startswith("tag:") and name not in values:
        return []
    return [values[name]] if name in values else None


def _image_view(image: Image) -> Tree:
    volume = {"volumeSize": image.disk_gb, "deleteOnTermination": True, "volumeType": "gp3", "encrypted": False}
    return {
        "imageId": image.image_id,
        "imageLocation": f"{image.owner}/{image.name}",
        "imageState": image.state,
        "imageOwnerId": image.owner,
        "creationDate": xml.timestamp(image.created),
        "isPublic": image.owner != OWNER,
        "architecture": "x86_64",
        "imageType": "machine",
        "name": image.name,
        "description": image.description,
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": [{"deviceName": "/dev/xvda", "ebs": volume}],
        "virtualizationType": "hvm",
        "hypervisor": "xen",
        "enaSupport": True,
        "platformDetails": "Linux/UNIX",
        "tagSet": [{"key": "cml:version", "value": image.cml_version}] if image.cml_version else [],
    }


def _offered(region: str) -> list[Machine]:
    return sorted(
        (machine for machine in MACHINES.values() if region not in machine.regions_without),
        key=lambda machine: machine.name,
    )


def describe_instance_types(fleet: Fleet, call: Call) -> Tree:
    """The machine types that the region has."""
    request = read(TypesRequest, call.parameters)
    machines = _offered(call.region)
    if request.names:
        unknown = set(request.names) - {machine.name for machine in machines}
        if unknown:
            raise AwsError(
                "InvalidInstanceType", f"The following supplied instance types do not exist: {sorted(unknown)}"
            )
        machines = [machine for machine in machines if machine.name in request.names]

    def attribute(machine: Machine, name: str) -> list[str] | None:
        metal = "true" if machine.metal else "false"
        values = {"instance-type": machine.name, "bare-metal": metal, "current-generation": "true"}
        return [values[name]] if name in values else None

    machines, token = page(filtered(machines, request.filters, attribute), request, lambda machine: machine.name)
    return {"instanceTypeSet": [_type_view(machine) for machine in machines], "nextToken": token}


def _type_view(machine: Machine) -> Tree:
    features = ["nested-virtualization"] if machine.nested else []
    return {
        "instanceType": machine.name,
        "currentGeneration": True,
        "bareMetal": machine.metal,
        "hypervisor": None if machine.metal else "nitro",
        "processorInfo": {"supportedArchitectures": ["x86_64"], "supportedFeatures": features},
        "vCpuInfo": {"defaultVCpus": machine.vcpus, "defaultCores": machine.cores, "defaultThreadsPerCore": 2},
        "memoryInfo": {"sizeInMiB": machine.memory_mb},
    }


def describe_instance_type_offerings(fleet: Fleet, call: Call) -> Tree:
    """Names of the types that the region offers."""
    request = read(PagedRequest, call.parameters)

    def attribute(machine: Machine, name: str) -> list[str] | None:
        values = {"instance-type": machine.name, "location": call.region}
        return [values[name]] if name in values else None

    machines = filtered(_offered(call.region), request.filters, attribute)
    machines, token = page(machines, request, lambda machine: machine.name)
    offers = [{"instanceType": machine.name, "locationType": "region", "location": call.region} for machine in machines]
    return {"instanceTypeOfferingSet": offers, "nextToken": token}


def describe_regions(fleet: Fleet, call: Call) -> Tree:
    """The regions of the world."""
    request = read(RegionsRequest, call.parameters)
    unknown = set(request.regions) - set(REGIONS)
    if unknown:
        raise AwsError("InvalidParameterValue", f"Invalid region names: {sorted(unknown)}")
    names = request.regions or list(REGIONS)
    return {
        "regionInfo": [
            {"regionName": name, "regionEndpoint": f"ec2.{name}.amazonaws.com", "optInStatus": "opt-in-not-required"}
            for name in names
        ]
    }


def describe_availability_zones(fleet: Fleet, call: Call) -> Tree:
    """The zones of the region."""
    request = read(RegionsRequest, call.parameters)
    zones = [zone for zone in zones_of(call.region) if not request.zones or zone in request.zones]
    return {
        "availabilityZoneInfo": [
            {"zoneName": zone, "zoneState": "available", "regionName": call.region, "messageSet": []} for zone in zones
        ]
    }
