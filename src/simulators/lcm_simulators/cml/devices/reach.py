"""``ping`` and ``traceroute``."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.routing import Network
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


def _target(argument: str) -> ipaddress.IPv4Address | None:
    for word in argument.split():
        try:
            return ipaddress.IPv4Address(word)
        except ValueError:
            continue
    return None


def ping(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """Five echoes the way IOS prints them."""
    target = _target(argument)
    if target is None:
        return f"% Unrecognized host or address, or protocol not running: {argument}"
    arrived = Network(controller, lab).answers(node, target)
    marks, share = ("!!!!!", "100 percent (5/5), round-trip min/avg/max = 1/1/2 ms") if arrived else (
        ".....", "0 percent (0/5)")  # fmt: skip
    return "\n".join([
        "Type escape sequence to abort.", f"Sending 5, 100-byte ICMP Echos to {target}, timeout is 2 seconds:", marks,
        f"Success rate is {share}",
    ])  # fmt: skip


def ping_from_host(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """Four echoes the way Linux prints them."""
    target = _target(argument)
    if target is None:
        return f"ping: bad address '{argument}'"
    arrived = Network(controller, lab).answers(node, target)
    lines = [f"PING {target} ({target}): 56 data bytes"]
    if arrived:
        lines += [f"64 bytes from {target}: seq={number} ttl=64 time=0.8{number} ms" for number in range(4)]
    received, loss = (4, 0) if arrived else (0, 100)
    lines += ["", f"--- {target} ping statistics ---",
              f"4 packets transmitted, {received} packets received, {loss}% packet loss"]  # fmt: skip
    return "\n".join(lines)


def traceroute(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """The hops on the way."""
    target = _target(argument)
    if target is None:
        return f"% Unrecognized host or address, or protocol not running: {argument}"
    path = Network(controller, lab).path(node, target)
    rows = ["Type escape sequence to abort.", f"Tracing the route to {target}"]
    if path is None:
        return "\n".join([*rows, "  1  *  *  *"])
    hops = [station.port.address for station in path]
    return "\n".join([*rows, *(f"  {number} {hop} 1 msec 1 msec 1 msec" for number, hop in enumerate(hops, start=1))])
