"""How calls to the outside world fail: the caller decides by type, whatever the remote system is."""


class OutsideError(Exception):
    """A failed call to a remote system; the message is for people and never holds a secret."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system


class OutsideUnavailable(OutsideError):
    """No usable answer: unreachable, too slow, busy or failing. The call may or may not have had its effect."""


class OutsideRefused(OutsideError):
    """The remote system understood the call and does not accept it; repeating it unchanged is useless."""


class OutsideNotFound(OutsideRefused):
    """The object of the call does not exist (any more)."""
