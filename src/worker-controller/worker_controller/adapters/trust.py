"""The certificate authorities that CML controllers are checked against."""

import ssl
from pathlib import Path


class Trust:
    """One TLS context for all CML connections, made again when the bundle's file changes.

    Args:
        bundle: PEM file; None trusts the system's authorities.
    """

    def __init__(self, bundle: Path | None) -> None:
        self._bundle = bundle
        self._stamp: int | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """The present context. Raises ``OSError`` when the bundle cannot be read."""
        stamp = self._bundle.stat().st_mtime_ns if self._bundle is not None else 0
        if self._context is None or stamp != self._stamp:
            self._context = ssl.create_default_context(cafile=str(self._bundle) if self._bundle else None)
            self._stamp = stamp
        return self._context
