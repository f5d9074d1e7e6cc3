"""VLANs: lists of their numbers as switches write them, and those that a configuration knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lcm_simulators.cml.devices.configuration import Configuration

_PART = re.compile(r"(\d+)(?:-(\d+))?")
LAST = 4094


def numbers_of(text: str) -> list[int]:
    """``10,20-22`` as numbers; nothing for a text that is no list of numbers."""
    numbers: list[int] = []
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        if not found:
            return []
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        numbers += range(first, min(last, LAST) + 1)
    return numbers


def list_of(numbers: Iterable[int]) -> str:
    """Numbers as ``10,20-22``; empty for none."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def vlans_of(configuration: Configuration) -> dict[int, str]:
    """Names of the configured VLANs by number."""
    vlans = {1: "default"}
    for section in configuration.starting("vlan"):
        for number in numbers_of(section.head.split(maxsplit=1)[1]):
            named = next((line.strip()[5:] for line in section.lines if line.strip().startswith("name ")), "")
            vlans[number] = named or vlans.get(number) or f"VLAN{number:04d}"
    return dict(sorted(vlans.items()))
