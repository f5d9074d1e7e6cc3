"""Answers GET with what was posted so far (one JSON text per line) and POST with 202. The port is $PORT."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POSTED: list[bytes] = []
KEPT = 5000


class Answer(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        self._answer(200, b"\n".join(POSTED))

    def do_POST(self) -> None:
        POSTED.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        del POSTED[:-KEPT]
        self._answer(202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Answer).serve_forever()
