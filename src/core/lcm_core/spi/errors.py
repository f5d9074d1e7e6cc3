"""How calls to the outside world fail: the caller decides by type, whatever the remote system is."""


class OutsideError(Exception):
    """A failed call to a remote system; the message is for people and never holds a secret."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system


class OutsideUnavailable(OutsideError):
    """No usable answer: unreachable, busy or failing. Whatever effect the call had, it has had by now."""


class OutsideUnheard(OutsideUnavailable):
    """The call was sent and nothing was heard of its end: it may yet have its effect, some time after this."""


class OutsideRefused(OutsideError):
    """The remote system understood the call and does not accept it; repeating it unchanged is useless."""


class OutsideNotFound(OutsideRefused):
    """The object of the call does not exist (any more)."""
