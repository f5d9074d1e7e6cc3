"""A small typed router for the simulated CML API.

Handlers are plain functions of one `Call`; what they return is the JSON body of a 200 answer, unless it is an
`Answer`. Two hundred routes are found through a tree of path segments instead of as many regular expressions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller
    from lcm_simulators.cml.model import User

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class ApiError(Exception):
    """An error answer `{"code": status, "description": text}`."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not "200 with JSON"; `text` wins over `body`; a 204 has neither."""

    status: int = 200
    body: object = None
    text: str | None = None
    raw: bytes | None = None
    media_type: str = "application/json"


NO_CONTENT = Answer(status=204)


@dataclass(slots=True)
class Call:
    """One authenticated request to one controller."""

    controller: Controller
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    user: User | None = None

    @property
    def caller(self) -> User:
        """The signed-in user; only routes that require a token may ask."""
        if self.user is None:
            raise ApiError(401, "No authorization token provided.")
        return self.user

    def require_admin(self) -> None:
        """Refuse everyone but administrators."""
        if not self.caller.admin:
            raise ApiError(403, "Access denied: admin rights are required.")

    def read(self, model: type[M]) -> M:
        """The request body as a model; 400 in the form the real API uses."""
        try:
            return model.model_validate_json(self.body or b"null")
        except ValidationError as error:
            raise validation_error(error, "body") from error

    def read_as(self, adapter: TypeAdapter[T]) -> T:
        """The request body as any type."""
        try:
            return adapter.validate_json(self.body or b"null")
        except ValidationError as error:
            raise validation_error(error, "body") from error

    def flag(self, name: str) -> bool | None:
        """A query boolean; absent and empty are None (the vendor's client sends `None` as an empty value)."""
        value = self.query.get(name, "").lower()
        if value in {"", "none", "null"}:
            return None
        if value not in {"true", "false", "1", "0"}:
            raise ApiError(400, _failed([["query", name]], "bool_parsing", "Input should be a valid boolean"))
        return value in {"true", "1"}

    def uuid(self, name: str) -> str:
        """A path parameter that must be a UUID."""
        value = self.params[name]
        try:
            return str(UUID(value))
        except ValueError as error:
            raise ApiError(400, _failed([["path", name]], "uuid_parsing", "Input should be a valid UUID")) from error


def validation_error(error: ValidationError, where: str) -> ApiError:
    """A schema violation: status 400 whose description is itself a JSON text."""
    entries = [
        {"location": [where, *map(str, item["loc"])], "type": item["type"], "message": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ApiError(400, json.dumps({"Input validation failed": entries}))


def _failed(locations: list[list[str]], kind: str, message: str) -> str:
    entries = [{"location": location, "type": kind, "message": message} for location in locations]
    return json.dumps({"Input validation failed": entries})


Handler = Callable[[Call], object]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler with what must hold before it runs."""

    name: str
    handler: Handler
    parameters: tuple[str, ...]
    public: bool
    early: bool


@dataclass(slots=True)
class _Branch:
    literals: dict[str, _Branch] = field(default_factory=dict)
    variable: _Branch | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


class Router:
    """Finds the endpoint of a method and path."""

    def __init__(self) -> None:
        self._root = _Branch()

    def route(
        self, method: str, path: str, *, public: bool = False, early: bool = False
    ) -> Callable[[Callable[[Call], object]], Callable[[Call], object]]:
        """Register a handler. `public`: no token needed; `early`: served before the controller is ready."""

        def register(handler: Handler) -> Handler:
            branch, names = self._root, []
            for segment in path.strip("/").split("/"):
                if segment.startswith("{"):
                    names.append(segment[1:-1])
                    branch.variable = branch.variable or _Branch()
                    branch = branch.variable
                else:
                    branch = branch.literals.setdefault(segment, _Branch())
            name = getattr(handler, "__name__", "operation")
            branch.endpoints[method] = Endpoint(name, handler, tuple(names), public, early)
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and its path parameters. Raises `ApiError` 404 or 405."""
        found = self._search(self._root, path.strip("/").split("/"), [])
        if found is None:
            raise ApiError(404, "Not Found")
        branch, values = found
        endpoint = branch.endpoints.get(method)
        if endpoint is None:
            raise ApiError(405, "Method Not Allowed")
        return endpoint, dict(zip(endpoint.parameters, values, strict=True))

    def operations(self) -> list[str]:
        """Names of all operations, for fault matching and documentation."""
        names: list[str] = []
        stack = [self._root]
        while stack:
            branch = stack.pop()
            names.extend(endpoint.name for endpoint in branch.endpoints.values())
            stack.extend(branch.literals.values())
            if branch.variable is not None:
                stack.append(branch.variable)
        return sorted(names)

    def _search(self, branch: _Branch, segments: list[str], values: list[str]) -> tuple[_Branch, list[str]] | None:
        if not segments:
            return (branch, values) if branch.endpoints else None
        literal = branch.literals.get(segments[0])
        if literal is not None:
            found = self._search(literal, segments[1:], values)
            if found is not None:
                return found
        if branch.variable is not None and segments[0]:
            return self._search(branch.variable, segments[1:], [*values, segments[0]])
        return None
