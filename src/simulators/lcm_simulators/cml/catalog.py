"""Node and image definitions that a CML controller ships, as data.

Identifiers, natures, default interface counts and interface names follow the CML reference platforms; memory, CPU and
boot seconds are the usual figures of the real images (boot seconds are simulated time on unloaded hardware).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class System(StrEnum):
    """The command-line family of a device."""

    IOS = "ios"
    NXOS = "nxos"
    IOSXR = "iosxr"
    ASA = "asa"
    LINUX = "linux"
    NONE = "none"


class Naming(StrEnum):
    """How interfaces are numbered from the slot."""

    ETH = "eth"
    ENS = "ens"
    PORT = "port"
    SINGLE = "single"
    GIGABIT_0 = "gigabit_0"
    GIGABIT_BY_4 = "gigabit_by_4"
    GIGABIT_FROM_1 = "gigabit_from_1"
    ETHERNET_BY_4 = "ethernet_by_4"
    ASA = "asa"
    NEXUS = "nexus"
    XR = "xr"
    XR9K = "xr9k"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class NodeDefinition:
    """One node definition; memory in MB, boot time in simulated seconds."""

    id: str
    label: str
    nature: str
    system: System
    driver: str
    ram: int | None
    cpus: int | None
    naming: Naming
    slots: int
    default_interfaces: int
    boot_seconds: float
    serial_ports: int = 1
    loopback: bool = False
    image: str | None = None
    config_file: str | None = None
    vnc: bool = False
    prefix: str = "node"
    icon: str = "server"
    read_only: bool = True
    listed: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether a started node counts against the license (connectors and unmanaged switches do not)."""
        return self.driver not in {"none", "ums"}

    @property
    def extractable(self) -> bool:
        """Whether CML can fetch the running configuration from the device."""
        return self.system in {System.IOS, System.NXOS, System.IOSXR, System.ASA}

    def interface_label(self, slot: int) -> str:
        """The interface name of a slot."""
        match self.naming:
            case Naming.ETH:
                return f"eth{slot}"
            case Naming.ENS:
                return f"ens{slot + 2}"
            case Naming.PORT:
                return f"port{slot}"
            case Naming.SINGLE:
                return "port"
            case Naming.GIGABIT_0:
                return f"GigabitEthernet0/{slot}"
            case Naming.GIGABIT_BY_4:
                return f"GigabitEthernet{slot // 4}/{slot % 4}"
            case Naming.GIGABIT_FROM_1:
                return f"GigabitEthernet{slot + 1}"
            case Naming.ETHERNET_BY_4:
                return f"Ethernet{slot // 4}/{slot % 4}"
            case Naming.ASA:
                return "Management0/0" if slot == 0 else f"GigabitEthernet0/{slot - 1}"
            case Naming.NEXUS:
                return "mgmt0" if slot == 0 else f"Ethernet1/{slot}"
            case Naming.XR:
                return "MgmtEth0/0/CPU0/0" if slot == 0 else f"GigabitEthernet0/0/0/{slot - 1}"
            case Naming.XR9K:
                return "MgmtEth0/RP0/CPU0/0" if slot == 0 else f"GigabitEthernet0/0/0/{slot - 1}"
            case Naming.LISTED:
                return self.listed[slot]


def _ios(
    name: str, label: str, nature: str, ram: int, naming: Naming, slots: int, count: int, boot: float, image: str,
    driver: str = "kvm", cpus: int = 1, serial: int = 2,
) -> NodeDefinition:  # fmt: skip
    icon = "switch" if nature == "switch" else "router"
    return NodeDefinition(
        name, label, nature, System.IOS, driver, ram, cpus, naming, slots, count, boot, serial, True, image,
        "ios_config.txt", prefix=name, icon=icon,
    )  # fmt: skip


def _linux(
    name: str, label: str, ram: int, boot: float, image: str, *, count: int = 1, naming: Naming = Naming.ETH,
    config: str | None = "node.cfg", driver: str = "kvm", vnc: bool = True, cpus: int = 1, serial: int = 1,
) -> NodeDefinition:  # fmt: skip
    return NodeDefinition(
        name, label, "server" if driver == "kvm" else "host", System.LINUX, driver, ram, cpus, naming, 24, count, boot,
        serial, False, image, config, vnc, name,
    )  # fmt: skip


_SHIPPED = (
    _ios("iosv", "IOSv", "router", 512, Naming.GIGABIT_0, 16, 4, 70, "iosv-159-3-m10"),
    _ios("iosvl2", "IOSv L2", "switch", 768, Naming.GIGABIT_BY_4, 16, 8, 80, "iosvl2-2020"),
    _ios("iol-xe", "IOL XE", "router", 512, Naming.ETHERNET_BY_4, 32, 4, 20, "iol-xe-17-16-01a", "iol"),
    _ios("iol-xe-serial-4eth", "IOL XE Serial", "router", 512, Naming.ETHERNET_BY_4, 32, 8, 20,
         "iol-xe-17-16-01a", "iol"),
    _ios("ioll2-xe", "IOL L2 XE", "switch", 512, Naming.ETHERNET_BY_4, 64, 4, 25, "ioll2-xe-17-16-01a", "iol"),
    _ios("csr1000v", "CSR1000v", "router", 3072, Naming.GIGABIT_FROM_1, 16, 4, 210, "csr1000v-17-03-08"),
    _ios("cat8000v", "Catalyst 8000V", "router", 4096, Naming.GIGABIT_FROM_1, 26, 4, 240, "cat8000v-17-16-01a"),
    _ios("cat9000v-q200", "Catalyst 9000V Q200", "switch", 18432, Naming.GIGABIT_FROM_1, 25, 9, 420,
         "cat9000v-q200-17-15-01", cpus=4),
    _ios("cat9000v-uadp", "Catalyst 9000V UADP", "switch", 18432, Naming.GIGABIT_FROM_1, 25, 9, 420,
         "cat9000v-uadp-17-15-01", cpus=4),
    _ios("pagent", "Pagent", "router", 512, Naming.GIGABIT_0, 26, 4, 70, "pagent-157-3-m3"),
    NodeDefinition("nxosv9000", "NX-OS 9000", "switch", System.NXOS, "kvm", 12288, 4, Naming.NEXUS, 65, 4, 360, 1, True,
                   "nxosv9300-10-5-2-f", "nxos_config.txt", prefix="nxos9000", icon="switch"),
    NodeDefinition("iosxrv", "IOS XRv", "router", System.IOSXR, "kvm", 3072, 1, Naming.XR, 129, 4, 240, 3, True,
                   "iosxrv-6-3-1", "iosxr_config.txt", prefix="iosxrv", icon="router"),
    NodeDefinition("iosxrv9000", "IOS XRv 9000", "router", System.IOSXR, "kvm", 20480, 4, Naming.XR9K, 32, 4, 600, 4,
                   True, "iosxrv9000-24-3-1", "iosxr_config.txt", prefix="iosxr9000", icon="router"),
    NodeDefinition("ios-xrd-control-plane", "XRd Control Plane", "router", System.IOSXR, "docker", 2048, 1, Naming.XR,
                   32, 4, 60, 2, True, "ios-xrd-control-plane-25-1-1", "iosxr_config.txt", prefix="xrd", icon="router"),
    NodeDefinition("asav", "ASAv", "firewall", System.ASA, "kvm", 2048, 1, Naming.ASA, 10, 2, 150, 1, False,
                   "asav-9-22-1-1", "day0-config", prefix="asav", icon="firewall"),
    NodeDefinition("ftdv", "FTDv", "firewall", System.ASA, "kvm", 8192, 4, Naming.ASA, 10, 4, 600, 1, False,
                   "ftdv-7-7-0", "day0-config", True, prefix="ftdv", icon="firewall"),
    NodeDefinition("vwlc", "Wireless Controller", "wireless", System.LINUX, "kvm", 4096, 1, Naming.ETH, 2, 2, 180, 1,
                   False, "vwlc-8-10", None, True, prefix="vwlc", icon="wlc"),
    _linux("alpine", "Alpine", 512, 20, "alpine-base-3-21-3"),
    _linux("coreos", "CoreOS", 1024, 40, "coreos-2135-4-0"),
    _linux("desktop", "Desktop", 768, 25, "alpine-desktop-3-21-3"),
    _linux("server", "Server", 128, 10, "tcl-16-0", config="iosxe_config.txt"),
    _linux("ubuntu", "Ubuntu", 2048, 45, "ubuntu-24-04-20250503", naming=Naming.ENS, config="user-data"),
    _linux("alpine-trex", "TRex", 2048, 30, "alpine-trex-3-12-0"),
    _linux("alpine-wanem", "WAN emulator", 512, 20, "alpine-wanem-3-21-3", count=2),
    _linux("fmcv", "FMCv", 32768, 900, "fmcv-7-7-0", cpus=4, config="day0-config"),
    _linux("frr", "FRR", 256, 6, "frr-10-2-1-r1", count=4, driver="docker", vnc=False, config="frr.conf", serial=2),
    _linux("dnsmasq", "dnsmasq", 64, 5, "dnsmasq-2-9-0", count=4, driver="docker", vnc=False, serial=2),
    _linux("net-tools", "Network tools", 64, 5, "net-tools-1-0-0", driver="docker", vnc=False, serial=2),
    _linux("nginx", "nginx", 64, 5, "nginx-1-0", driver="docker", vnc=False, serial=2),
    _linux("radius", "RADIUS", 64, 5, "radius-3-2-1", driver="docker", vnc=False, serial=2),
    _linux("syslog", "Syslog", 64, 5, "syslog-4-8", driver="docker", vnc=False, serial=2),
    _linux("tacplus", "TACACS+", 64, 5, "tacplus-f4-0-4-28", driver="docker", vnc=False, serial=2),
    _linux("thousandeyes-ea", "ThousandEyes agent", 1024, 10, "thousandeyes-ea-5-0", driver="docker", vnc=False),
    _linux("chrome", "Chrome", 1024, 10, "chrome-138", driver="docker", serial=2),
    _linux("firefox", "Firefox", 1024, 10, "firefox-140", driver="docker", serial=2),
    _linux("splunk", "Splunk", 4096, 40, "splunk-9-4", driver="docker", vnc=False, serial=2),
    NodeDefinition("unmanaged_switch", "Unmanaged switch", "switch", System.NONE, "ums", None, None, Naming.PORT, 32, 8,
                   1, 0, prefix="unmanaged-switch", icon="switch"),
    NodeDefinition("external_connector", "External connector", "external_connector", System.NONE, "none", None, None,
                   Naming.SINGLE, 1, 1, 1, 0, config_file="default", prefix="ext-conn", icon="cloud"),
)  # fmt: skip

SHIPPED: dict[str, NodeDefinition] = {definition.id: definition for definition in _SHIPPED}


def unknown_definition(definition_id: str) -> NodeDefinition:
    """What a controller makes of a node whose definition it does not have: one that can be placed but not started."""
    return NodeDefinition(
        definition_id, definition_id, "server", System.LINUX, "kvm", 512, 1, Naming.ETH, 32, 1, 60, prefix=definition_id
    )
