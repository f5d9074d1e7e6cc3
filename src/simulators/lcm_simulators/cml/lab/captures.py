"""Packet captures of links: a plain, repeatable conversation between the two ends."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, cast

from lcm_simulators.cml.model import Lab, Link

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

PACKETS_PER_SECOND = 2
_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)


def start(controller: Controller, link: Link, key: str, config: dict[str, object]) -> None:
    """Begin to record."""
    link.capture = {
        "key": key, "config": config, "starttime": controller.iso(), "began": controller.clock.time(),
        "ended": None, "active": True,
    }  # fmt: skip


def stop(controller: Controller, link: Link) -> None:
    """End the recording; what was recorded stays."""
    if link.capture is not None and link.capture["active"]:
        link.capture |= {"active": False, "ended": controller.clock.time()}


def count(controller: Controller, link: Link) -> int:
    """Packets recorded so far, within the limits of the capture."""
    if link.capture is None:
        return 0
    config = cast("dict[str, int]", link.capture["config"])
    ended = link.capture["ended"]
    until = cast("float", ended) if ended is not None else controller.clock.time()
    seconds = min(until - cast("float", link.capture["began"]), config.get("maxtime", 86_400))
    # The first packet is seen at once, so that a short capture is not empty.
    return min(config.get("maxpackets", 1_000_000), 1 + int(max(0.0, seconds) * PACKETS_PER_SECOND))


def packets(controller: Controller, lab: Lab, link: Link) -> list[dict[str, str]]:
    """One row per packet, all values as text."""
    names = [lab.nodes[node_id].label for node_id in (link.node_a, link.node_b)]
    rows = []
    for number in range(count(controller, link)):
        source, destination = names if number % 2 == 0 else reversed(names)
        kind = "request" if number % 2 == 0 else "reply"
        rows.append({
            "no": str(number + 1), "time": f"{number / PACKETS_PER_SECOND:.6f}", "source": source,
            "destination": destination, "length": str(len(_frame(lab, link, number))), "protocol": "ARP",
            "info": f"{kind} {number // 2 + 1}",
        })  # fmt: skip
    return rows


def file(controller: Controller, lab: Lab, link: Link) -> bytes:
    """The capture as a pcap file."""
    parts = [_FILE_HEADER]
    began = int(cast("float", (link.capture or {"began": 0.0})["began"]))
    for number in range(count(controller, link)):
        frame = _frame(lab, link, number)
        seconds, half = divmod(number, PACKETS_PER_SECOND)
        parts.append(struct.pack("<IIII", began + seconds, half * 500_000, len(frame), len(frame)) + frame)
    return b"".join(parts)


def _frame(lab: Lab, link: Link, number: int) -> bytes:
    """An ARP request of one end, or the answer of the other."""
    macs = [_mac(lab, name) for name in (link.interface_a, link.interface_b)]
    if number % 2:
        macs.reverse()
    addresses = [bytes((169, 254, digest[0], digest[1])) for digest in map(_digest, (link.node_a, link.node_b))]
    if number % 2:
        addresses.reverse()
    target = b"\xff" * 6 if number % 2 == 0 else macs[1]
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1 + number % 2)
    return (target + macs[0] + b"\x08\x06" + body + macs[0] + addresses[0] + macs[1] + addresses[1]).ljust(60, b"\0")


def _mac(lab: Lab, interface_id: str) -> bytes:
    return bytes.fromhex((lab.interfaces[interface_id].generated_mac or "52:54:00:00:00:00").replace(":", ""))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
