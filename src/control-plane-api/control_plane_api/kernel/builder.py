"""The framework's web application builder without its shared state and its silent repairs."""

from fastapi import FastAPI
from neuroglia.dependency_injection import ServiceCollection
from neuroglia.hosting import WebApplicationBuilder
from neuroglia.hosting.abstractions import HostApplicationLifetime

_OWN_PAGES = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})


class IsolatedBuilder(WebApplicationBuilder):
    """One builder, one service collection: the framework shares a single one between all builders of a process."""

    def __init__(self) -> None:
        super().__init__()
        self.services = ServiceCollection()
        self.services.add_singleton(HostApplicationLifetime)

    def add_exception_handling(self, app: FastAPI | None = None) -> None:
        """Nothing: the framework's middleware shows messages of any exception and costs more than the request."""

    def build_app(self, title: str, version: str) -> FastAPI:
        """The main application with its sub-applications; only these have pages of documentation."""
        app = self.build_app_with_lifespan(title=title, version=version, debug=False)
        app.router.routes = [route for route in app.router.routes if getattr(route, "path", "") not in _OWN_PAGES]
        return app
