"""Addresses of Linux hosts, read from the shell commands of their configuration and of their users."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

_IFCONFIG = re.compile(r"\bifconfig (\w+) (?:inet )?(\d+\.\d+\.\d+\.\d+)(?:/(\d+))?(?: netmask (\S+))?")
_IP_ADDRESS = re.compile(r"\bip a(?:d(?:d(?:r(?:ess)?)?)?)? add (\d+\.\d+\.\d+\.\d+)/(\S+) dev (\w+)")
_GATEWAY = re.compile(r"\b(?:route add default gw|ip r(?:o(?:u(?:te)?)?)? add default via) (\d+\.\d+\.\d+\.\d+)")
_HOSTNAME = re.compile(r"^\s*(?:sudo )?hostname (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Host:
    """What the network sees of a Linux host."""

    name: str = ""
    addresses: dict[str, ipaddress.IPv4Interface] = field(default_factory=dict)
    gateway: ipaddress.IPv4Address | None = None


def read_host(text: str) -> Host:
    """The last word on each thing counts, as in a shell."""
    host = Host()
    names = _HOSTNAME.findall(text)
    host.name = names[-1] if names and names[-1] != "inserthostname-here" else ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if found := _IFCONFIG.search(line):
            _keep(host, found.group(1), found.group(2), found.group(3) or found.group(4) or "24")
        elif found := _IP_ADDRESS.search(line):
            _keep(host, found.group(3), found.group(1), found.group(2))
        elif found := _GATEWAY.search(line):
            host.gateway = ipaddress.IPv4Address(found.group(1))
    return host


def _keep(host: Host, interface: str, address: str, mask: str) -> None:
    try:
        host.addresses[interface] = ipaddress.IPv4Interface(f"{address}/{mask}")
    except ValueError:
        return  # the shell would print an error and go on
