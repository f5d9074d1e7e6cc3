"""Words of the command line: abbreviations, what opens a section, what there is only one of."""

import re

from lcm_simulators.cml.devices.phrases import completed

SECTION_OPENERS = re.compile(
    r"^(interface|router|vlan|line|class-map|policy-map|route-map|key chain|ip access-list|ipv6 access-list|"
    r"vrf definition|ip vrf|ip dhcp pool|aaa group server|tacacs server|radius server|crypto|"
    r"spanning-tree mst configuration|track|archive|control-plane|redundancy|vlan configuration|ip sla|object-group|"
    r"parameter-map|flow|monitor session|key|template|service-policy|vtp|feature-set)\b",
    re.IGNORECASE,
)
"""Top-level commands whose indented lines belong to them."""

GLOBAL_ONLY = re.compile(
    r"^(no )?(hostname|ip route|ipv6 route|ip routing|ip domain|ip name-server|ip default-gateway|username|enable|"
    r"service|logging|ntp|snmp-server|banner|access-list|ip http|ip ssh|cdp run|lldp run|"
    r"spanning-tree (mode|vlan|extend|pathcost|portfast (default|edge))|aaa|"
    r"ip nat (inside source|outside source|pool)|clock|boot|vtp|errdisable|"
    r"ip dhcp (excluded-address|snooping( vlan)?)|crypto key)\b",
    re.IGNORECASE,
)
"""Commands that leave a section when they are typed inside one."""

SINGLE = (
    "hostname", "ip address", "ip default-gateway", "ip domain name", "ip domain-name", "ip domain lookup",
    "description", "switchport mode", "switchport access vlan", "switchport voice vlan",
    "switchport trunk encapsulation", "switchport trunk native vlan", "switchport trunk allowed vlan",
    "encapsulation dot1q", "duplex", "speed", "mtu", "bandwidth", "name", "enable secret", "enable password",
    "channel-group", "router-id", "transport input", "login", "exec-timeout", "spanning-tree mode", "vtp mode",
    "vtp domain", "ip ssh version", "ip ospf cost", "ip ospf priority", "ip ospf network", "default-router",
    "dns-server", "network-default", "banner motd", "ip helper-address",
)  # fmt: skip
"""Commands that a section holds once: a new one replaces the old."""

_INTERFACES = {
    "gigabitethernet": "GigabitEthernet", "fastethernet": "FastEthernet", "tengigabitethernet": "TenGigabitEthernet",
    "ethernet": "Ethernet", "loopback": "Loopback", "port-channel": "Port-channel", "vlan": "Vlan", "tunnel": "Tunnel",
    "serial": "Serial", "management": "Management", "mgmteth": "MgmtEth",
}  # fmt: skip
_INTERFACE = re.compile(r"^([A-Za-z-]+)\s*(\d.*)?$")


def interface_name(name: str) -> str:
    """The full name of an abbreviated interface: ``gi0/1`` is ``GigabitEthernet0/1``."""
    found = _INTERFACE.match(name.strip())
    if not found or name.strip().lower() == "mgmt0":
        return name.strip()
    word, number = found.group(1).lower(), found.group(2) or ""
    for known, full in _INTERFACES.items():
        if known.startswith(word):
            return f"{full}{number}"
    return name.strip()


def expand(line: str) -> str:
    """A typed command with abbreviated words and interface names written out."""
    words = line.split()
    if words and words[0].lower() == "no":
        return " ".join(["no", expand(" ".join(words[1:]))]).strip()
    words = completed(words)
    if words[:1] == ["interface"] and words[1:2] != ["range"]:
        return f"interface {interface_name(' '.join(words[1:]))}"
    if words[:2] == ["line", "console"]:
        words[1] = "con"
    return " ".join(words)


def key_of(command: str) -> str:
    """What a command is about: the words it shares with the command that replaces it."""
    lowered = command.lower()
    for single in SINGLE:
        if lowered == single or lowered.startswith(f"{single} "):
            # A secondary address stands beside the first one.
            return lowered if single == "ip address" and lowered.endswith(" secondary") else single
    return lowered
