"""The devices of one controller: running configurations, commands, console logs, addresses.

The running configuration is stored with the node as text; the parsed form is kept only while somebody works with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.catalog import System
from lcm_simulators.cml.devices.boot import boot_log
from lcm_simulators.cml.devices.configuration import Configuration
from lcm_simulators.cml.devices.hosts import Host, read_host
from lcm_simulators.cml.devices.interfaces import ports_of
from lcm_simulators.cml.model import POWERED, Lab, Node, State
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

TRANSCRIPT_LINES = 2_000
_SHUT_AT_FIRST = frozenset({System.IOS, System.IOSXR})
_COMMAND_LINES = frozenset({System.IOS, System.NXOS, System.IOSXR, System.ASA})


class Devices:
    """What the nodes of a controller run."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._parsed: dict[str, Configuration] = {}
        self._hosts: dict[str, Host] = {}

    def is_up(self, node: Node) -> bool:
        """Whether the device answers."""
        return node.state is State.BOOTED

    def speaks_commands(self, node: Node) -> bool:
        """Whether the device has an IOS-like command line."""
        return self._controller.definition(node.node_definition).system in _COMMAND_LINES

    def configuration(self, node: Node) -> Configuration:
        """The parsed running configuration."""
        found = self._parsed.get(node.id)
        if found is None:
            found = self._parsed[node.id] = Configuration(self._text(node), self._born_shut(node))
        return found

    def host(self, node: Node) -> Host:
        """Addresses of a Linux host."""
        found = self._hosts.get(node.id)
        if found is None:
            found = self._hosts[node.id] = read_host(self._text(node))
        return found

    def _born_shut(self, node: Node) -> frozenset[str]:
        """Physical interfaces of routers are shut down until they are configured otherwise."""
        definition = self._controller.definition(node.node_definition)
        if definition.system not in _SHUT_AT_FIRST or definition.nature != "router":
            return frozenset()
        return frozenset(definition.interface_label(slot) for slot in range(definition.slots))

    def running_configuration(self, lab: Lab, node: Node) -> str:
        """The running configuration as the device prints it."""
        del lab
        return self._text(node)

    def _text(self, node: Node) -> str:
        """What runs: what was changed since the boot, else what was saved, else what CML gave the device."""
        for text in (node.running, node.startup):
            if text is not None:
                return text
        return node.configuration[0].content if node.configuration else ""

    def replace(self, lab: Lab, node: Node, text: str) -> None:
        """Load a whole configuration, as ``configure replace`` does. Raises ``ApiError`` 409 unless it is booted."""
        self._require_up(node)
        node.running = text
        self.forget(node.id)
        self._controller.lab_changed(lab)

    def type_lines(self, lab: Lab, node: Node, text: str) -> None:
        """Type configuration lines. Raises ``ApiError`` 409 unless the device is booted and has a command line."""
        self._require_up(node)
        if not self.speaks_commands(node):
            raise ApiError(409, f"Node {node.label} has no configuration mode: replace its configuration instead.")
        configuration = self.configuration(node)
        configuration.merge(text)
        node.running = configuration.render()
        self._controller.lab_changed(lab)

    def type_command(self, lab: Lab, node: Node, section: list[str], command: str) -> list[str]:
        """Type one command inside the sections of these heads; the heads that the next command is inside of."""
        self._require_up(node)
        configuration = self.configuration(node)
        heads = configuration.type_in(section, command)
        node.running = configuration.render()
        self._controller.lab_changed(lab)
        return heads

    def type_shell(self, lab: Lab, node: Node, command: str) -> None:
        """Run a shell command that configures a Linux host; it lasts until the host is stopped."""
        self._require_up(node)
        node.running = f"{self._text(node).rstrip()}\n{command}\n"
        self._hosts.pop(node.id, None)
        self._controller.lab_changed(lab)

    def save(self, lab: Lab, node: Node) -> None:
        """Copy the running to the startup configuration: it survives a stop, not a wipe."""
        node.startup = self._text(node)
        self._controller.lab_changed(lab)

    def forget(self, node_id: str) -> None:
        """Drop the parsed configuration."""
        self._parsed.pop(node_id, None)
        self._hosts.pop(node_id, None)

    def hostname(self, node: Node) -> str:
        """The name in the prompt."""
        named = self.configuration(node).hostname if self.speaks_commands(node) else self.host(node).name
        return named or node.label.replace(" ", "-")

    def uptime_minutes(self, node: Node) -> int:
        """Simulated minutes since the device came up."""
        return int((self._controller.clock.time() - node.times.get(State.BOOTED, self._controller.clock.time())) // 60)

    def record(self, lab: Lab, node: Node, line: int, text: str) -> None:
        """Remember what a console printed or was told."""
        kept = node.transcript.setdefault(line, [])
        kept.extend(text.splitlines())
        del kept[:-TRANSCRIPT_LINES]
        self._controller.lab_changed(lab)

    def console_log(self, lab: Lab, node: Node, line: int) -> str:
        """Everything a serial line has printed since the node was started."""
        lines = boot_log(self._controller, lab, node) if line == 0 else []
        return "\n".join([*lines, *node.transcript.get(line, [])])

    def addresses(self, lab: Lab, node: Node) -> dict[str, object]:
        """Addresses by hardware address, in the form of ``layer3_addresses``."""
        interfaces: dict[str, object] = {}
        if node.state in POWERED:
            for port in ports_of(self, lab, node):
                if port.address and port.interface is not None and port.interface.generated_mac:
                    interfaces[port.interface.generated_mac] = {
                        "id": port.interface.id,
                        "label": port.name,
                        "ip4": [port.address],
                        "ip6": [],
                    }
        return {"name": node.label, "interfaces": interfaces}

    def _require_up(self, node: Node) -> None:
        if not self.is_up(node):
            raise ApiError(409, f"Node {node.label} is {node.state}: only a booted device takes a configuration.")
