"""Serves the built console; every path that is not a file is a page of it."""

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

COMPRESSED_FROM_BYTES = 1024
_FOREVER = "public, max-age=31536000, immutable"
"""For assets, whose names carry a hash of their content."""
_NOT_BUILT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lablet Cloud Manager</title></head>
<body><main><h1>Lablet Cloud Manager</h1><p>The console is not built. Run <code>make build-ui</code>, or use the
<a href="/api/docs">API</a>.</p></main></body></html>"""


def install_console(app: FastAPI, folder: Path) -> None:
    """Replace the routes of the UI sub-application by the console."""
    root = folder.resolve()
    index = root / "index.html"

    def file_at(path: str) -> Path | None:
        wanted = (root / path).resolve()
        return wanted if path and wanted.is_relative_to(root) and wanted.is_file() else None

    # Not a coroutine: Starlette runs it in a thread, where touching the disk holds nobody up.
    def page(request: Request) -> Response:
        path = str(request.path_params.get("path", ""))
        wanted = file_at(path)
        if wanted is not None:
            kept = _FOREVER if path.startswith("assets/") else "no-cache"
            return FileResponse(wanted, headers={"Cache-Control": kept})
        # Ids may hold dots: only somebody who asks for a page gets one.
        if "." in path.rsplit("/", 1)[-1] and "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404, f"There is no file {path}.")
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=200 if not path else 404)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    # The framework's sub-application comes with an OpenAPI document of its own, which a console does not have.
    app.router.routes.clear()
    app.router.routes.append(Route("/", page))
    app.router.routes.append(Route("/{path:path}", page))
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES)
