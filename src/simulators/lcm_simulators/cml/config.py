"""How a simulated controller is configured through the management API."""

import ipaddress

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ControllerConfig(BaseModel):
    """One simulated CML controller: where it listens and how big it is."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(description="address to listen on, usually a loopback address of its own")
    port: int = Field(default=8443, ge=0, le=65535, description="port of the TLS API")
    version: str = Field(default="2.9.1+build.7", description="announced version; 2.8 to 2.10 are simulated")
    cpus: int = Field(default=48, ge=1, description="physical CPUs of the host")
    memory_mb: int = Field(default=196_608, ge=256, description="memory of the host in MB")
    disk_gb: int = Field(default=256, ge=1, description="disk of the host in GB")
    max_nodes_unlicensed: int = Field(default=5, ge=0, description="nodes that may run without a valid license")
    boot_seconds: float = Field(default=300, ge=0, description="simulated seconds from power-on to ready")
    admin_username: str = Field(default="admin", min_length=1, max_length=32)
    admin_password: str = Field(default="admin", min_length=1)
    username: str | None = Field(default=None, description="another name for admin_username")
    product: str = Field(default="CML_Enterprise", description="product license that is active from the start")
    cpu_overcommit: float = Field(default=4.0, gt=0, description="virtual CPUs allowed per physical CPU")
    memory_overcommit: float = Field(default=1.0, gt=0, description="node memory allowed per host memory")
    patty_range: tuple[int, int] = Field(default=(2000, 7999), description="ports that PATty may open")

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))

    @property
    def admin_name(self) -> str:
        """The administrator's user name."""
        return self.username or self.admin_username

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor of the announced version."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        parts = value.split(".")
        if len(parts) < 3 or not parts[0].isdigit() or not parts[1].isdigit():
            raise ValueError("must look like 2.9.1+build.7")
        return value
