"""A running configuration as sections of lines, kept as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lcm_simulators.cml.devices.words import GLOBAL_ONLY, SECTION_OPENERS, expand, interface_name, key_of

_BANNER = re.compile(r"^banner \S+ (\S)", re.IGNORECASE)
_LEAVING = frozenset({"end", "exit", "exit-address-family", "quit"})
_IGNORED = re.compile(r"^(enable|conf(igure)?( t(erminal)?)?|do .*|write( memory)?|wr|copy .*)$", re.IGNORECASE)


@dataclass(slots=True)
class Section:
    """A top-level line and the lines below it as written; ``raw`` lines are no commands."""

    head: str
    lines: list[str] = field(default_factory=list)
    raw: bool = False

    def set(self, command: str) -> None:
        """Add a command, in the place of the one it replaces."""
        key = key_of(command)
        for index, line in enumerate(self.lines):
            if key_of(line.strip()) == key:
                self.lines[index] = f" {command}"
                return
        self.lines.append(f" {command}")

    def remove(self, command: str) -> None:
        """Remove every command that begins like this."""
        wanted = command.lower()
        self.lines = [line for line in self.lines if not _begins(line.strip().lower(), wanted)]


def _begins(line: str, words: str) -> bool:
    return line == words or line.startswith(f"{words} ")


class Configuration:
    """The configuration of an IOS-like device."""

    def __init__(self, text: str = "") -> None:
        self.sections: list[Section] = []
        self._load(text)

    def _load(self, text: str) -> None:
        """Read a configuration file: indented lines belong to the line above that is not."""
        end_of_banner = ""
        for line in text.replace("\r", "").split("\n"):
            if end_of_banner:
                self.sections[-1].lines.append(line)
                if end_of_banner in line:
                    end_of_banner = ""
                continue
            if not line.strip():
                continue
            if line[0].isspace() and self.sections and not self.sections[-1].head.startswith("!"):
                self.sections[-1].lines.append(line.rstrip())
                continue
            banner = _BANNER.match(line)
            self.sections.append(Section(line.rstrip(), raw=banner is not None))
            if banner is not None:
                mark = "^C" if line[banner.start(1) :].startswith("^C") else banner.group(1)
                end_of_banner = "" if line.count(mark) > 1 else mark

    def render(self) -> str:
        """The configuration as text."""
        lines: list[str] = []
        for section in self.sections:
            lines.append(section.head)
            lines.extend(section.lines)
        return "\n".join(lines) + ("\n" if lines else "")

    def find(self, head: str) -> Section | None:
        """The section of a top-level command."""
        wanted = head.lower()
        return next((section for section in self.sections if section.head.lower() == wanted), None)

    def starting(self, words: str) -> list[Section]:
        """Sections whose head begins with these words."""
        wanted = f"{words.lower()} "
        return [section for section in self.sections if section.head.lower().startswith(wanted)]

    @property
    def hostname(self) -> str:
        """The host name, empty when none is set."""
        found = self.starting("hostname")
        return found[-1].head.split(maxsplit=1)[1].strip() if found else ""

    def merge(self, text: str) -> None:
        """Take lines as somebody types them, in configuration mode."""
        current: list[Section] = []
        for typed in text.replace("\r", "").split("\n"):
            stripped = typed.strip()
            if not stripped or stripped.startswith("!"):
                current = current if typed[:1].isspace() else []
                continue
            command = expand(stripped)
            if command.lower() in _LEAVING:
                current = []
            elif _IGNORED.match(command):
                continue
            elif current and not _leaves(command, indented=typed[0].isspace()):
                for section in current:
                    _apply(section, command)
            else:
                current = self._top(command)

    def type_in(self, heads: list[str], command: str) -> list[str]:
        """Take one command typed inside the sections of these heads; the heads that the next one is inside of."""
        full = expand(command)
        inside = [section for head in heads if (section := self.find(head)) is not None]
        if inside and not _leaves(full, indented=False):
            for section in inside:
                _apply(section, full)
            return heads
        return [section.head for section in self._top(full)]

    def _top(self, command: str) -> list[Section]:
        """A top-level command; the sections it opens."""
        if command.lower().startswith("no "):
            self._remove(command[3:])
            return []
        names = _range_of(command)
        if names:
            return [self._open(f"interface {name}") for name in names]
        if SECTION_OPENERS.match(command) and not GLOBAL_ONLY.match(command):
            return [self._open(command)]
        self._set(command)
        return []

    def _open(self, head: str) -> Section:
        section = self.find(head)
        if section is None:
            section = Section(head)
            self._insert(section)
        return section

    def _set(self, command: str) -> None:
        key = key_of(command)
        for section in self.sections:
            if key_of(section.head) == key and not section.raw:
                section.head = command
                return
        self._insert(Section(command))

    def _insert(self, section: Section) -> None:
        """Before the closing ``end``, if there is one."""
        if self.sections and self.sections[-1].head.lower() == "end":
            self.sections.insert(len(self.sections) - 1, section)
        else:
            self.sections.append(section)

    def _remove(self, command: str) -> None:
        wanted = expand(command).lower()
        self.sections = [section for section in self.sections if not _begins(section.head.lower(), wanted)]


def _apply(section: Section, command: str) -> None:
    if command.lower() == "no shutdown":
        section.remove("shutdown")
        section.remove("no shutdown")
    elif command.lower() == "shutdown":
        section.remove("no shutdown")
        section.set(command)
    elif command.lower().startswith("no "):
        section.remove(command[3:])
    elif command.lower().startswith("switchport trunk allowed vlan add "):
        _add_allowed(section, command.split()[-1])
    else:
        section.set(command)


def _add_allowed(section: Section, vlans: str) -> None:
    for index, line in enumerate(section.lines):
        if line.strip().lower().startswith("switchport trunk allowed vlan "):
            section.lines[index] = f"{line},{vlans}"
            return
    section.set(f"switchport trunk allowed vlan {vlans}")


def _leaves(command: str, *, indented: bool) -> bool:
    """Whether a command typed inside a section belongs to the top level."""
    if indented:
        return False
    if GLOBAL_ONLY.match(command):
        return True
    bare = command.removeprefix("no ")
    return SECTION_OPENERS.match(bare) is not None and not bare.lower().startswith(("service-policy", "vlan ", "key"))


def _range_of(command: str) -> list[str]:
    """Interfaces of ``interface range gi0/0 - 3, gi1/0``; empty for any other command."""
    if not command.lower().startswith("interface range "):
        return []
    names: list[str] = []
    for part in command[16:].split(","):
        first, _, last = (piece.strip() for piece in part.partition("-"))
        name = interface_name(first)
        stem, begin = re.match(r"^(.*?)(\d+)$", name).groups() if re.match(r"^(.*?)(\d+)$", name) else (name, "0")  # type: ignore[union-attr]
        until = int(re.sub(r"^.*?(\d+)$", r"\1", last)) if last else int(begin)
        names += [f"{stem}{number}" for number in range(int(begin), until + 1)]
    return names
