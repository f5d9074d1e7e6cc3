"""Machine types: those that carry CML and a few that do not.

CML runs its nodes under KVM: a metal type, or one that offers nested virtualization through `CpuOptions`. Sizes are
those of EC2's published types.
"""

from dataclasses import dataclass

_GIB = 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """One type; memory in MiB, `default_disk_gb` is the root volume when a launch names none."""

    name: str
    vcpus: int
    memory_mb: int
    nested: bool = False
    regions_without: tuple[str, ...] = ()
    default_disk_gb: int = 256

    @property
    def metal(self) -> bool:
        """Whether it is a bare-metal type."""
        return ".metal" in self.name

    @property
    def cores(self) -> int:
        """Physical cores."""
        return max(1, self.vcpus // 2)


MACHINES = {
    machine.name: machine
    for machine in (
        Machine("m5zn.metal", 48, 192 * _GIB),
        Machine("m5.metal", 96, 384 * _GIB),
        Machine("c5.metal", 96, 192 * _GIB),
        Machine("c5n.metal", 72, 192 * _GIB),
        Machine("r5.metal", 96, 768 * _GIB),
        Machine("m6i.metal", 128, 512 * _GIB, regions_without=("ca-central-1",)),
        Machine("m7i.metal-24xl", 96, 384 * _GIB, regions_without=("ca-central-1", "ap-southeast-1")),
        Machine("c8i.2xlarge", 8, 16 * _GIB, nested=True),
        Machine("c8i.4xlarge", 16, 32 * _GIB, nested=True),
        Machine("m8i.xlarge", 4, 16 * _GIB, nested=True),
        Machine("m8i.2xlarge", 8, 32 * _GIB, nested=True),
        Machine("m8i.4xlarge", 16, 64 * _GIB, nested=True),
        Machine("m8i.8xlarge", 32, 128 * _GIB, nested=True),
        Machine("r8i.4xlarge", 16, 128 * _GIB, nested=True),
        Machine("t3.micro", 2, 1 * _GIB, default_disk_gb=8),
        Machine("t3.large", 2, 8 * _GIB, default_disk_gb=8),
        Machine("m5.large", 2, 8 * _GIB, default_disk_gb=8),
        Machine("m5.4xlarge", 16, 64 * _GIB, default_disk_gb=64),
        Machine("c5.2xlarge", 8, 16 * _GIB, default_disk_gb=64),
    )
}
