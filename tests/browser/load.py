"""A control plane that is only its stream: so many objects, and so many changes a second, to load the console with."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from control_plane_api.api.console import install_console
from control_plane_api.api.middleware import SecurityHeaders
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_simulators.embedded.process import free_port

PHASES = ("scheduled", "instantiating", "ready", "running", "collecting", "grading")


class Load:
    """The objects, and the changes to them."""

    def __init__(self, sessions: int, workers: int) -> None:
        self._workers = [_worker(number) for number in range(workers)]
        self._sessions = [_session(number, workers) for number in range(sessions)]
        self.sent = 0

    async def stream(self) -> AsyncIterator[bytes]:
        """A complete snapshot, then a change of one session after the other, twenty in a second."""
        yield _event("connected", {"now": datetime.now(UTC).isoformat(), "clock_factor": 1})
        yield _event("snapshot.begin", {})
        yield b"".join(_event("worker.snapshot", worker) for worker in self._workers)
        yield b"".join(_event("session.snapshot", session) for session in self._sessions)
        yield _event("snapshot.end", {})
        for number in itertools.count():
            await asyncio.sleep(0.05)
            session = self._sessions[number % len(self._sessions)]
            session["version"] += 1
            session["status"]["phase"] = PHASES[number % len(PHASES)]
            session["status"]["message"] = f"Change {number}."
            self.sent = number + 1
            yield _event("session.snapshot", session)


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _common(identity: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"id": identity, "version": 1, "generation": 1, "created_at": now, "updated_at": now}


def _worker(number: int) -> dict[str, Any]:
    view = {
        **_common(f"worker-{number:03}"),
        "spec": {"name": f"worker-{number:03}", "region": "us-east-1", "hourly_cost_usd": 3.0},
        "status": {"phase": "running", "phase_since": datetime.now(UTC).isoformat()},
    }
    return json.loads(WorkerView.model_validate(view).model_dump_json())  # type: ignore[no-any-return]


def _session(number: int, workers: int) -> dict[str, Any]:
    begin = datetime.now(UTC) + timedelta(minutes=number % 600)
    slot = {"start": begin.isoformat(), "end": (begin + timedelta(hours=1)).isoformat()}
    worker = f"worker-{number % workers:03}"
    view = {
        **_common(f"session-{number:04}"),
        "spec": {
            "definition_id": "lab-1.0.0",
            "definition_name": "lab",
            "definition_version": "1.0.0",
            "definition_title": f"Lab {number % 20}",
            "owner": f"learner-{number:04}",
            "graded": True,
            "duration_minutes": 60,
            "slot": slot,
        },
        "status": {
            "phase": "running",
            "phase_since": begin.isoformat(),
            "placement": {
                "worker_id": worker,
                "worker_name": worker,
                "claim_id": f"claim-{number}",
                "resources": {"cores": 2, "nodes": 2},
                "booked": slot,
                "placed_at": begin.isoformat(),
            },
        },
    }
    return json.loads(SessionView.model_validate(view).model_dump_json())  # type: ignore[no-any-return]


def _application(load: Load, console: Path) -> FastAPI:
    app, pages = FastAPI(), FastAPI()
    user = {"user_id": "u", "username": "admin", "name": "Admin", "roles": ["admin"], "department": ""}

    async def session(request: Request) -> Response:
        del request
        return JSONResponse({"authenticated": True, "user": user, "csrf_token": "x", "expires_at": None})

    async def stream(request: Request) -> Response:
        del request
        return StreamingResponse(load.stream(), media_type="text/event-stream")

    app.router.add_route("/api/auth/session", session)
    app.router.add_route("/api/events/stream", stream)
    install_console(pages, console)
    app.mount("/", pages)
    app.add_middleware(SecurityHeaders, https=False)
    return app


@asynccontextmanager
async def loaded(load: Load, console: Path) -> AsyncIterator[str]:
    """Serve the console and the load; the address."""
    port = free_port()
    config = uvicorn.Config(
        _application(load, console), host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
