"""Structured logs: one line per record, with correlation ids and without secrets."""

import logging
import re
import sys
from datetime import UTC, datetime

import orjson

from lcm_core.observability.tracing import current_trace_id

_SECRETS = re.compile(
    r"(?i)(bearer\s+|basic\s+|(?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[=:]\s*[\"']?)"
    r"([^\s\"'&,;}{]{4,})"
)
_QUIET = ("httpx", "httpcore", "aetcd", "grpc", "botocore", "urllib3", "neuroglia", "uvicorn.access", "apscheduler")


def redact(text: str) -> str:
    """The text with whatever follows ``password=``, ``token:``, ``Bearer`` and the like replaced."""
    return _SECRETS.sub(r"\1***", text)


class _Correlation(logging.Filter):
    """Adds the trace id of the task that logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = current_trace_id() or ""
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: at, level, service, logger, message, trace_id, error."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        body: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        trace_id = getattr(record, "trace_id", "")
        if trace_id:
            body["trace_id"] = trace_id
        if record.exc_info:
            body["error"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(body, option=orjson.OPT_UTC_Z).decode()


class TextFormatter(logging.Formatter):
    """For people: time, level, logger, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        return redact(super().format(record))


def configure_logging(service: str, *, level: str = "INFO", json_lines: bool = True) -> None:
    """Send every log record of this process to standard error; replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if json_lines else TextFormatter())
    handler.addFilter(_Correlation())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
