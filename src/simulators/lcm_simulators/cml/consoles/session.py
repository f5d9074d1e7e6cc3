"""One person at one serial line of one device."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from lcm_simulators.cml.consoles.shell import run_shell
from lcm_simulators.cml.devices.show import answer
from lcm_simulators.cml.model import Lab, Node
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_LINE_LIMIT = 4096
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b.")
_SAVING = re.compile(r"^(wr(i(t(e( mem(ory)?)?)?)?)?|copy r\S* s\S*)$")
_SECTION_MODES = (
    ("interface range", "config-if-range"), ("interface", "config-if"), ("router", "config-router"),
    ("line", "config-line"), ("vlan", "config-vlan"), ("ip access-list standard", "config-std-nacl"),
    ("ip access-list extended", "config-ext-nacl"), ("ip dhcp pool", "dhcp-config"),
)  # fmt: skip


class Mode(StrEnum):
    """What the prompt stands for."""

    USER = ">"
    PRIVILEGED = "#"
    CONFIGURE = "(config)#"


class ConsoleSession:
    """Reads keys, answers with text; configuration lines change the device at once."""

    def __init__(self, controller: Controller, lab: Lab, node: Node, line: int) -> None:
        self._controller = controller
        self._lab, self._node, self._line = lab, node, line
        self._mode = Mode.USER
        self._section: list[str] = []
        self._typed = ""
        self._last = ""

    def greeting(self) -> str:
        """The first text of a connection."""
        return f"\r\n{self._prompt()}"

    def feed(self, data: bytes, *, echo: bool) -> str:
        """Take keys; the text to show. With `echo` the keys are shown too."""
        shown: list[str] = []
        for character in _ESCAPE.sub("", data.decode("utf-8", errors="ignore")):
            # A telnet client ends a line with two characters; the second one says nothing new.
            if character in "\r\n":
                if not (character in "\n\0" and self._last == "\r"):
                    shown += ["\r\n" if echo else "", self._enter()]
            elif character in "\x7f\b":
                shown.append("\b \b" if echo and self._typed else "")
                self._typed = self._typed[:-1]
            elif character in "\x03\x1a":
                shown.append(self._interrupt(character))
            elif character == "\x15":
                self._typed = ""
            elif character.isprintable() and len(self._typed) < _LINE_LIMIT:
                self._typed += character
                shown.append(character if echo else "")
            self._last = character
        return "".join(shown)

    def run(self, command: str) -> str:
        """What the device prints after one privileged command, as text."""
        self._mode = Mode.PRIVILEGED
        return self._perform(command.strip())

    def _interrupt(self, character: str) -> str:
        """Ctrl-C drops the line; Ctrl-Z also leaves configuration mode."""
        self._typed = ""
        if self._mode is Mode.CONFIGURE:
            self._mode, self._section = Mode.PRIVILEGED, []
        return f"^{'C' if character == chr(3) else 'Z'}\r\n{self._prompt()}"

    def _enter(self) -> str:
        command, self._typed = self._typed.strip(), ""
        if not command:
            return self._prompt()
        text = self._perform(command).replace("\n", "\r\n")
        return f"{text}\r\n{self._prompt()}" if text else self._prompt()

    def _perform(self, command: str) -> str:
        devices, before = self._controller.devices, self._prompt()
        if not devices.is_up(self._node):
            return ""
        printed = self._execute(command)
        devices.record(self._lab, self._node, self._line, f"{before}{command}\n{printed}")
        return printed

    def _prompt(self) -> str:
        devices = self._controller.devices
        if not devices.is_up(self._node):
            return ""
        name = devices.hostname(self._node)
        if not devices.speaks_commands(self._node):
            return f"{name}:~$ "
        if self._mode is Mode.CONFIGURE and self._section:
            head = self._section[0].lower()
            words = "config-if-range" if len(self._section) > 1 else ""
            mode = words or next((mode for start, mode in _SECTION_MODES if head.startswith(f"{start} ")), "config")
            return f"{name}({mode})#"
        return f"{name}{self._mode.value}"

    def _execute(self, command: str) -> str:
        devices = self._controller.devices
        if not devices.speaks_commands(self._node):
            return run_shell(self._controller, self._lab, self._node, command)
        words = command.lower()
        if self._mode is Mode.CONFIGURE:
            return self._configure(command)
        if len(words) > 1 and "enable".startswith(words):
            self._mode = Mode.PRIVILEGED
            return ""
        if words in {"disable", "exit", "logout", "quit"}:
            self._mode = Mode.USER
            return ""
        if self._mode is Mode.PRIVILEGED and words.startswith("conf"):
            self._mode, self._section = Mode.CONFIGURE, []
            return "Enter configuration commands, one per line.  End with CNTL/Z."
        if self._mode is Mode.PRIVILEGED and _SAVING.match(words):
            devices.save(self._lab, self._node)
            return "Building configuration...\n[OK]"
        if words.startswith(("terminal ", "term ")):
            return ""
        return answer(self._controller, self._lab, self._node, command)

    def _configure(self, command: str) -> str:
        """Lines are merged with the section they were typed in."""
        words = command.lower()
        if words == "end":
            self._mode, self._section = Mode.PRIVILEGED, []
            return ""
        if len(words) > 1 and "exit".startswith(words):
            if not self._section:
                self._mode = Mode.PRIVILEGED
            self._section = []
            return ""
        if words.startswith("do "):
            return answer(self._controller, self._lab, self._node, command[3:])
        try:
            self._section = self._controller.devices.type_command(self._lab, self._node, self._section, command)
        except ApiError as error:
            return f"% {error.description}"
        return ""
