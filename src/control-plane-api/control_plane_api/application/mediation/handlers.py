"""Finds the handlers of every request in the application layer, and builds them.

A module that does not import, a request without a handler, two handlers of one request and a handler whose constructor
asks for something nobody provides all raise :class:`WiringError`: the process must not start with a hole in it.
"""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from neuroglia.dependency_injection import ServiceCollection
from neuroglia.mediation import Request, RequestHandler

from control_plane_api.application.base import BaseCommand, BaseQuery, Handler, Reader
from control_plane_api.kernel.errors import WiringError

_BASES = frozenset({BaseCommand, BaseQuery, Handler, Reader})


def modules_below(package: ModuleType) -> Iterator[ModuleType]:
    """The package and all modules in it, imported. Raises ``WiringError`` for one that does not import."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            yield importlib.import_module(found.name)
        except ImportError as error:
            raise WiringError(f"{found.name} does not import: {error}") from error


def find_handlers(package: ModuleType) -> dict[type, type["RequestHandler[Any, Any]"]]:
    """The handler class of each request class defined in the package."""
    handlers: dict[type, type[RequestHandler[Any, Any]]] = {}
    requests: set[type] = set()
    for module in modules_below(package):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ != module.__name__ or found in _BASES or inspect.isabstract(found):
                continue
            if issubclass(found, Request):
                requests.add(found)
            elif issubclass(found, RequestHandler):
                request = _request_of(found)
                if request in handlers:
                    raise WiringError(f"{found.__name__} and {handlers[request].__name__} handle {request.__name__}")
                handlers[request] = found
    orphans = sorted(request.__name__ for request in requests - set(handlers))
    if orphans:
        raise WiringError(f"nobody handles {', '.join(orphans)}")
    return handlers


def register_handlers(services: ServiceCollection, handlers: dict[type, type["RequestHandler[Any, Any]"]]) -> None:
    """Register each handler as a singleton made by a factory: handlers keep no state between requests."""
    for handler in handlers.values():
        wanted = _dependencies(handler)

        def build(
            provider: Any, handler: type[RequestHandler[Any, Any]] = handler, wanted: dict[str, type] = wanted
        ) -> Any:
            return handler(**{name: _provided(provider, kind, handler) for name, kind in wanted.items()})

        services.add_singleton(handler, implementation_factory=build)


def _provided(provider: Any, kind: type, handler: type) -> Any:
    found = provider.get_service(kind)
    if found is None:
        raise WiringError(f"{handler.__name__} needs {kind.__name__}, which nobody provides")
    return found


def _request_of(handler: type) -> type:
    for base in getattr(handler, "__orig_bases__", ()):
        for argument in typing.get_args(base)[:1]:
            if isinstance(argument, type) and issubclass(argument, Request):
                return argument
    raise WiringError(f"{handler.__name__} does not say which request it handles")


def _dependencies(handler: type) -> dict[str, type]:
    hints = typing.get_type_hints(handler.__init__)  # type: ignore[misc]
    names = [name for name in inspect.signature(handler.__init__).parameters if name != "self"]  # type: ignore[misc]
    missing = [name for name in names if name not in hints]
    if missing:
        raise WiringError(f"{handler.__name__}: the constructor does not say what {', '.join(missing)} is")
    return {name: hints[name] for name in names}
