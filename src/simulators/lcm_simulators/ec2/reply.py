"""Answers, before they go out."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Reply:
    """One HTTP answer. A head request gets the headers of the body that it does not get."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
