"""A running configuration as sections of lines, kept as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lcm_simulators.cml.devices.vlans import list_of, numbers_of
from lcm_simulators.cml.devices.words import GLOBAL_ONLY, SECTION_OPENERS, expand, interface_name, key_of

_BANNER = re.compile(r"^banner \S+ (\S)", re.IGNORECASE)
_SWITCHES = frozenset(
    {"cdp run", "ip routing", "ip domain lookup", "ip domain-lookup", "logging console", "ip http server"}
)
"""On by default: their `no` form is kept as a line."""
_LEAVING = frozenset({"end", "exit", "exit-address-family", "quit"})
_NUMBERED = re.compile(r"^(.*?)(\d+)$")
_LONGEST_RANGE = 128
_ALLOWED = "switchport trunk allowed vlan "
_KEPT_NO = frozenset({"no switchport", "no cdp enable", "no lldp transmit", "no lldp receive", "no ip address"})
"""Commands inside of a section that are kept as lines in their `no` form."""
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


def _normal(head: str) -> str:
    """A head to compare: interface names are written in many ways."""
    lowered = head.lower()
    if lowered.startswith("int") and not lowered.startswith("interface range"):
        return expand(head).lower()
    return lowered


def _begins(line: str, words: str) -> bool:
    return line == words or line.startswith(f"{words} ")


class Configuration:
    """The configuration of an IOS-like device; interfaces `born_shut` are shut down until somebody says otherwise."""

    def __init__(self, text: str = "", born_shut: frozenset[str] = frozenset()) -> None:
        self.sections: list[Section] = []
        self.born_shut = born_shut
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
        wanted = _normal(head)
        return next((section for section in self.sections if _normal(section.head) == wanted), None)

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
        if command.lower().startswith("default interface "):
            self._remove(f"interface {interface_name(command[18:])}")
            return []
        names = range_of(command)
        if names:
            return [self._open(f"interface {name}") for name in names]
        if SECTION_OPENERS.match(command) and not GLOBAL_ONLY.match(command):
            return [self._open(command)]
        self._set(command)
        return []

    def _open(self, head: str) -> Section:
        section = self.find(head)
        if section is None:
            name = head.removeprefix("interface ")
            section = Section(head, [" shutdown"] if name in self.born_shut else [])
            self._insert(section)
        return section

    def _set(self, command: str) -> None:
        key = key_of(command)
        opposite = command[3:] if command.lower().startswith("no ") else f"no {command}"
        self.sections = [section for section in self.sections if section.head.lower() != opposite.lower()]
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
        if wanted in _SWITCHES:
            self._set(f"no {wanted}")
            return
        self.sections = [section for section in self.sections if not _begins(_normal(section.head), wanted)]


def _apply(section: Section, command: str) -> None:
    if command.lower() == "no shutdown":
        section.remove("shutdown")
        section.remove("no shutdown")
    elif command.lower() == "shutdown":
        section.remove("no shutdown")
        section.set(command)
    elif command.lower().startswith("no "):
        section.remove(command[3:])
        if command.lower() in _KEPT_NO:
            section.set(command)
    elif command.lower().startswith(_ALLOWED) and command.split()[4].lower() in {"add", "remove"}:
        _change_allowed(section, command.split()[4].lower(), command.split()[-1])
    else:
        section.remove(f"no {' '.join(command.split()[:2])}")
        section.set(command)


def _change_allowed(section: Section, action: str, vlans: str) -> None:
    """``switchport trunk allowed vlan add|remove``."""
    present = next((line.split()[-1] for line in section.lines if line.strip().lower().startswith(_ALLOWED)), "1-4094")
    changed = set(numbers_of(present))
    changed = changed | set(numbers_of(vlans)) if action == "add" else changed - set(numbers_of(vlans))
    section.set(f"{_ALLOWED}{list_of(changed) or 'none'}")


def _leaves(command: str, *, indented: bool) -> bool:
    """Whether a command typed inside a section belongs to the top level."""
    if indented:
        return False
    if GLOBAL_ONLY.match(command):
        return True
    bare = command.removeprefix("no ")
    return SECTION_OPENERS.match(bare) is not None and not bare.lower().startswith(("service-policy", "key"))


def range_of(command: str) -> list[str]:
    """Interfaces of ``interface range gi0/0 - 3, gi1/0``; empty for any other command."""
    if not command.lower().startswith("interface range "):
        return []
    names: list[str] = []
    for part in command[16:].split(","):
        first, _, last = (piece.strip() for piece in part.partition("-"))
        found = _NUMBERED.match(interface_name(first))
        if found is None:
            continue
        begin = int(found.group(2))
        ending = re.search(r"\d+$", last)
        until = int(ending.group()) if ending else begin
        names += [f"{found.group(1)}{number}" for number in range(begin, min(until, begin + _LONGEST_RANGE) + 1)]
    return names
