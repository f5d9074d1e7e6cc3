"""Completing abbreviated commands: each typed word may be the beginning of the real one."""

from collections.abc import Iterable

_MIN_LETTERS = 2
_CONFIGURATION = """
aaa new-model|access-class|access-list|banner motd|bandwidth|cdp enable|cdp run|channel-group|clock rate
crypto key generate rsa|default interface|default-information originate|default-router|deny|description|dns-server
domain-name|duplex|enable password|enable secret|encapsulation dot1q|end|exec-timeout|exit|hostname|interface
interface range|ip access-group|ip access-list extended|ip access-list standard|ip address|ip default-gateway
ip dhcp excluded-address|ip dhcp pool|ip dhcp snooping|ip domain lookup|ip domain name|ip domain-lookup|ip domain-name
ip helper-address|ip name-server|ip nat inside|ip nat outside|ip nat inside source|ip ospf|ip route|ip routing
ip ssh version|lease|line console|line vty|lldp receive|lldp run|lldp transmit|logging console|logging host
logging synchronous|login|login local|mtu|name|network|ntp server|passive-interface|password|permit|router bgp
router eigrp|router ospf|router rip|router-id|service password-encryption|shutdown|snmp-server community
snmp-server contact|snmp-server host|snmp-server location|spanning-tree bpduguard enable|spanning-tree guard root
spanning-tree mode|spanning-tree mode pvst|spanning-tree mode rapid-pvst|spanning-tree portfast|spanning-tree vlan
speed|standby|switchport|switchport access vlan|switchport mode access|switchport mode dynamic auto
switchport mode dynamic desirable|switchport mode trunk|switchport nonegotiate|switchport port-security
switchport port-security maximum|switchport port-security violation|switchport trunk allowed vlan
switchport trunk allowed vlan add|switchport trunk allowed vlan remove
switchport trunk encapsulation dot1q|switchport trunk native vlan|switchport voice vlan|transport input
transport input ssh|transport input telnet|username|version|vlan|vtp domain|vtp mode
"""
CONFIGURATION = tuple(
    tuple(phrase.split()) for line in _CONFIGURATION.strip().splitlines() for phrase in line.split("|")
)
"""Configuration commands that people abbreviate, as words."""


def best_match(words: list[str], phrases: Iterable[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The longest phrase that these words begin with; of equals, the one with more words written out."""
    typed = [word.lower() for word in words]
    best: tuple[int, int] = (0, -1)
    found: tuple[str, ...] | None = None
    for phrase in phrases:
        if len(phrase) > len(typed) or not all(map(_fits, typed, phrase)):
            continue
        rank = (len(phrase), sum(map(str.__eq__, typed, phrase)))
        if rank > best:
            best, found = rank, phrase
    return found


def _fits(typed: str, word: str) -> bool:
    return typed == word or (len(typed) >= _MIN_LETTERS and word.startswith(typed))


def completed(words: list[str]) -> list[str]:
    """Words of a configuration command with the abbreviated ones written out."""
    phrase = best_match(words, CONFIGURATION)
    return [*phrase, *words[len(phrase) :]] if phrase else words
