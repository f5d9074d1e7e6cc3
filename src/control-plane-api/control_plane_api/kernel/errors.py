"""Errors of the machinery."""


class RuleError(ValueError):
    """A rule of an aggregate forbids what was asked; ``code`` names the rule, the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class WiringError(RuntimeError):
    """The application is put together wrongly; it refuses to start."""
