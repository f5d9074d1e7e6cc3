"""All routes of the API, in the order in which they are matched."""

from fastapi import FastAPI

from control_plane_api.api.routes import (
    administration,
    auth,
    browser,
    capacity,
    costs,
    definitions,
    inbound,
    internal,
    internal_sessions,
    jobs,
    labs,
    platform,
    sessions,
    stream,
    workers,
)

ROUTERS = (
    auth.router,
    browser.router,
    definitions.artifacts_router,
    definitions.router,
    sessions.bulk_router,
    sessions.router,
    inbound.router,
    workers.import_router,
    workers.router,
    workers.templates_router,
    labs.router,
    platform.tasks_router,
    platform.router,
    capacity.router,
    costs.router,
    administration.router,
    jobs.router,
    stream.router,
    internal.router,
    internal_sessions.router,
)


def include_routes(api: FastAPI) -> None:
    """Add every route to the API's application.

    Not by ``include_router``: it wraps the routes and builds their handlers anew, past the guard.
    """
    for router in ROUTERS:
        api.router.routes.extend(router.routes)
