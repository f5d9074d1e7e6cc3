"""Refusals, in the shape of RFC 6749 section 5.2."""


class OAuthError(Exception):
    """Answered as ``{"error", "error_description"}`` with the status."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> dict[str, str]:
        """The answer's body."""
        return {"error": self.error} | ({"error_description": self.description} if self.description else {})


class BearerRefused(Exception):
    """A protected resource refuses the token (RFC 6750 section 3); ``error`` empty when none was sent."""

    def __init__(self, error: str = "", description: str = "", status: int = 401) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def challenge(self, realm: str) -> str:
        """The ``WWW-Authenticate`` header."""
        parts = [f'Bearer realm="{realm}"']
        if self.error:
            parts += [f'error="{self.error}"', f'error_description="{self.description}"']
        return ", ".join(parts)


class PageError(Exception):
    """Shown to the person as an error page; the client learns nothing."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
