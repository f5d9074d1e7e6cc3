"""How content is refused: every fault that was found, each with its file, line and field."""

from collections.abc import Sequence

from lcm_core.contracts.definitions import ContentError

MAX_ERRORS = 100
"""An author mends a hundred faults before asking again; more would only grow the document."""


class ContentRefused(Exception):
    """Content that does not follow the rules; ``errors`` is never empty and holds at most ``MAX_ERRORS``."""

    def __init__(self, errors: Sequence[ContentError]) -> None:
        self.errors = tuple(errors[:MAX_ERRORS])
        first = self.errors[0]
        place = ":".join(part for part in (first.file, str(first.line or "")) if part)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{place or 'content'}: {first.field}: {first.message}{more}")

    @classmethod
    def one(cls, file: str, field: str, message: str, line: int = 0) -> "ContentRefused":
        """Refused for a single reason."""
        return cls([ContentError(file=file, line=line, field=field, message=message)])
