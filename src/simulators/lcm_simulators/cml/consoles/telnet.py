"""The telnet side of a serial console: the server echoes, and negotiations of the client are taken out of its keys."""

IAC, SB, SE = 255, 250, 240
_WILL, _DONT = 251, 254
_WILL_ECHO, _WILL_SUPPRESS_GO_AHEAD = bytes((IAC, _WILL, 1)), bytes((IAC, _WILL, 3))
OPENING = _WILL_ECHO + _WILL_SUPPRESS_GO_AHEAD
"""What the server says first, as the console server of a hypervisor does."""


class TelnetFilter:
    """Takes commands out of a stream; a command may be cut in two by the network."""

    def __init__(self) -> None:
        self._command = bytearray()
        self._in_subnegotiation = False

    def keys(self, data: bytes) -> bytes:
        """What was typed."""
        typed = bytearray()
        for byte in data:
            if self._command:
                self._continue(byte, typed)
            elif byte == IAC:
                self._command.append(byte)
            elif byte and not self._in_subnegotiation:
                typed.append(byte)
        return bytes(typed)

    def _continue(self, byte: int, typed: bytearray) -> None:
        self._command.append(byte)
        kind = self._command[1]
        if kind == IAC and not self._in_subnegotiation:
            typed.append(IAC)
        elif kind == SB:
            self._in_subnegotiation = True
        elif kind == SE:
            self._in_subnegotiation = False
        if not (_WILL <= kind <= _DONT and len(self._command) < 3):
            self._command.clear()
