"""What the world offers: regions, machine types and machine images."""

from lcm_simulators.ec2.catalog.images import Image, image_of, images_in
from lcm_simulators.ec2.catalog.machines import MACHINES, Machine
from lcm_simulators.ec2.catalog.regions import REGIONS, zones_of

__all__ = ["MACHINES", "REGIONS", "Image", "Machine", "image_of", "images_in", "zones_of"]
