"""A server with one endpoint that changes nothing: inside the platform's edge and mediator, or as a bare FastAPI one.

``python noop_server.py platform|bare PORT``; settings come from the environment as the control plane's do. Prints a
token of an administrator when it is ready to be called; the bare one needs none and prints an empty line.
"""

import asyncio
import sys
from dataclasses import dataclass

import uvicorn
import uvloop
from fastapi import FastAPI
from neuroglia.dependency_injection import ServiceCollection
from neuroglia.mediation import CommandHandler
from pydantic import BaseModel
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.edge import Edge
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.middleware import BodyLimit, SecurityHeaders
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.base import BaseCommand
from control_plane_api.application.mediation.behaviors import ContextBehavior, DeniedBehavior
from control_plane_api.application.mediation.mediator import SafeMediator
from control_plane_api.composition.identity import open_identity
from control_plane_api.composition.stores import open_stores
from control_plane_api.settings import Settings

PATH = "/workers/{worker_id}/tags"


class Tags(BaseModel):
    """The body of both endpoints."""

    tags: dict[str, str]


class Answer(BaseModel):
    """The answer of both endpoints."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class NoOp(BaseCommand[Answer]):
    """A command that does nothing."""

    worker_id: str
    tags: dict[str, str]


class NoOpHandler(CommandHandler[NoOp, Answer]):
    """Answers at once."""

    async def handle_async(self, request: NoOp) -> Answer:
        """See ``CommandHandler``."""
        return Answer(id=request.worker_id, version=len(request.tags))


router = api_router(tags=["benchmark"])


@router.post(PATH, response_model=Answer)
@guard(Action.WORKER_TAG)
async def no_op(call: Call, worker_id: str, body: Tags) -> Response:
    """The path of every command."""
    return call.respond(await call.execute(NoOp(call.principal, worker_id, body.tags)))


def platform_app() -> tuple[FastAPI, str]:
    """The edge, the mediator with its behaviors and the middleware of the control plane around one command."""
    settings = Settings()
    stores = open_stores(settings)
    identity = open_identity(settings, stores.database)
    behaviors = [ContextBehavior(), DeniedBehavior(stores.audit)]
    api = FastAPI()
    api.state.edge = Edge(
        mediator=SafeMediator(ServiceCollection().build(), {NoOp: NoOpHandler()}, behaviors),
        authenticators=identity.authenticators,
        audit=stores.audit,
        idempotency=stores.idempotency,
        terms=stores.terms,
        request_seconds=settings.app.request_seconds,
    )
    api.router.routes.extend(router.routes)
    app = FastAPI()
    app.mount("/api", api)
    app.add_middleware(BodyLimit, limit=settings.app.body_bytes)
    app.add_middleware(SecurityHeaders, https=False)
    return app, identity.tokens.issue(Principal("bench", "bench", frozenset({"admin"})))


def bare_app() -> tuple[FastAPI, str]:
    """What FastAPI does by itself: the same path, body and answer."""
    app = FastAPI()

    @app.post(f"/api{PATH}")
    async def bare(worker_id: str, body: Tags) -> Answer:
        return Answer(id=worker_id, version=len(body.tags))

    return app, ""


async def serve(kind: str, port: int) -> None:
    """Serve as the control plane does."""
    app, token = platform_app() if kind == "platform" else bare_app()
    options = {"http": "httptools", "loop": "none", "access_log": False, "log_config": None, "server_header": False}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, **options))  # type: ignore[arg-type]
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    print(token, flush=True)
    await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
