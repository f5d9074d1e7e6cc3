"""Packet captures on links."""

from __future__ import annotations

from typing import cast
from uuid import uuid4

from pydantic import Field

from lcm_simulators.cml.access import permissions
from lcm_simulators.cml.api.lookup import EXEC, Body, link_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import captures
from lcm_simulators.cml.model import Lab, Link, State
from lcm_simulators.cml.routing import Answer, ApiError, Call


class Capture(Body):
    """How long a capture goes on."""

    maxpackets: int | None = Field(default=None, ge=1, le=1_000_000)
    maxtime: int | None = Field(default=None, ge=1, le=86_400)
    bpfilter: str | None = Field(default=None, max_length=128)
    encap: str = "ethernet"


@route("PUT", "/labs/{lab}/links/{link}/capture/start")
def start_capture(call: Call) -> object:
    """Record packets."""
    (lab, link), body = link_of(call, EXEC), call.read(Capture)
    if body.maxpackets is None and body.maxtime is None:
        raise ApiError(400, "Set maxpackets or maxtime.")
    if link.state is not State.STARTED:
        raise ApiError(400, f"Link {link.id} is not started.")
    key = str(uuid4())
    captures.start(call.controller, link, key, body.model_dump(exclude_none=True) | {"link_capture_key": key})
    call.controller.lab_changed(lab)
    return capture_status(call)


@route("PUT", "/labs/{lab}/links/{link}/capture/stop")
def stop_capture(call: Call) -> object:
    """Stop recording."""
    lab, link = link_of(call, EXEC)
    if link.capture is None:
        raise ApiError(404, f"Link {link.id} has no capture.")
    captures.stop(call.controller, link)
    call.controller.lab_changed(lab)
    return capture_status(call)


@route("GET", "/labs/{lab}/links/{link}/capture/status")
def capture_status(call: Call) -> object:
    """How the capture stands."""
    _, link = link_of(call)
    capture = link.capture or {}
    recorded = captures.count(call.controller, link)
    return {"config": capture.get("config", {}), "starttime": capture.get("starttime"), "packetscaptured": recorded}


@route("GET", "/labs/{lab}/links/{link}/capture/key")
def capture_key(call: Call) -> object:
    """The key to download the capture with."""
    _, link = link_of(call)
    if not link.capture:
        raise ApiError(404, f"Link {link.id} has no capture.")
    return cast("str", link.capture["key"])


def _captured(call: Call) -> tuple[Lab, Link]:
    """The link of a capture key; clients also name the link itself."""
    key = call.params["key"]
    for lab in call.controller.labs.values():
        for link in lab.links.values():
            if (
                link.capture
                and key in {link.capture["key"], link.id}
                and permissions(call.controller, lab, call.caller)
            ):
                return lab, link
    raise ApiError(404, f"Capture not found: {key}")


@route("GET", "/pcap/{key}")
def download_capture(call: Call) -> object:
    """The capture file."""
    return Answer(raw=captures.file(call.controller, *_captured(call)), media_type="application/vnd.tcpdump.pcap")


@route("GET", "/pcap/{key}/packets")
def captured_packets(call: Call) -> object:
    """All packets in short."""
    return captures.packets(call.controller, *_captured(call))


@route("GET", "/pcap/{key}/packets/{number}")
def captured_packet(call: Call) -> object:
    """One packet, by its number from 1."""
    rows = captures.packets(call.controller, *_captured(call))
    number = call.params["number"]
    if not number.isdigit() or not 1 <= int(number) <= len(rows):
        raise ApiError(404, f"Packet not found: {number}")
    return {"packet": rows[int(number) - 1]}
