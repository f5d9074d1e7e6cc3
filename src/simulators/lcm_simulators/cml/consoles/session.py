"""One person at one serial line of one device."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.show import answer
from lcm_simulators.cml.model import Lab, Node
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_LINE_LIMIT = 4096


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

    def greeting(self) -> str:
        """The first text of a connection."""
        return f"\r\n{self._prompt()}"

    def feed(self, data: bytes, *, echo: bool) -> str:
        """Take keys; the text to show. With `echo` the keys are shown too."""
        shown = []
        for character in data.decode("utf-8", errors="ignore"):
            if character in "\r\n":
                shown.append("\r\n" if echo else "")
                shown.append(self._enter())
            elif character in "\x7f\b":
                self._typed = self._typed[:-1]
            elif character.isprintable() and len(self._typed) < _LINE_LIMIT:
                self._typed += character
                shown.append(character if echo else "")
        return "".join(shown)

    def _enter(self) -> str:
        command, self._typed = self._typed.strip(), ""
        if not command:
            return self._prompt()
        printed = self._execute(command)
        self._controller.devices.record(self._lab, self._node, self._line, f"{self._prompt()}{command}\n{printed}")
        text = printed.replace("\n", "\r\n")
        return f"{text}\r\n{self._prompt()}" if text else self._prompt()

    def _prompt(self) -> str:
        devices = self._controller.devices
        if not devices.is_up(self._node):
            return ""
        if not devices.speaks_commands(self._node):
            return f"{devices.hostname(self._node)}:~$ "
        return f"{devices.hostname(self._node)}{self._mode.value}"

    def _execute(self, command: str) -> str:
        devices = self._controller.devices
        if not devices.is_up(self._node):
            return ""
        if not devices.speaks_commands(self._node):
            return devices.running_configuration(self._lab, self._node) if command.startswith("cat ") else ""
        words = command.lower()
        if self._mode is Mode.CONFIGURE:
            return self._configure(command)
        if words in {"enable", "en"}:
            self._mode = Mode.PRIVILEGED
            return ""
        if words in {"disable", "exit", "logout"}:
            self._mode = Mode.USER
            return ""
        if words.startswith("conf"):
            self._mode, self._section = Mode.CONFIGURE, []
            return "Enter configuration commands, one per line.  End with CNTL/Z."
        if words in {"write", "wr", "write memory", "copy running-config startup-config", "copy run start"}:
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
        if words == "exit":
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
