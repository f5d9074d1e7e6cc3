"""A receiver of OTLP traces over HTTP, as a collector is, that keeps every span."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SpanSeen:
    """One span, as it was exported."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str


class Telescope:
    """Every span that reached the receiver, by its id."""

    def __init__(self) -> None:
        self.spans: dict[str, SpanSeen] = {}
        self.url = ""

    def of_trace(self, trace_id: str) -> list[SpanSeen]:
        """The spans of one trace."""
        return [span for span in list(self.spans.values()) if span.trace_id == trace_id]

    def ancestors(self, span: SpanSeen) -> list[SpanSeen]:
        """The spans above one, nearest first, as far as they are known."""
        above: list[SpanSeen] = []
        while span.parent_id in self.spans:
            span = self.spans[span.parent_id]
            above.append(span)
        return above

    def take(self, body: bytes) -> None:
        """Keep what one export holds."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    seen = SpanSeen(
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        names.get("service.name", ""),
                        span.name,
                    )
                    self.spans[seen.span_id] = seen


@contextmanager
def telescope() -> Iterator[Telescope]:
    """A receiver on a free port of this machine."""
    kept = Telescope()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
