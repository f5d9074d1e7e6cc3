"""Makes the OpenAPI document true: problem documents under their media type, and how each operation is signed in to."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from fastapi import FastAPI

from control_plane_api.api.examples import Examples
from control_plane_api.api.guard import GuardedRoute
from control_plane_api.api.problems import MEDIA_TYPE

SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of the identity provider, or one of POST /api/auth/login.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-lcm_session",
        "description": "The console's session; over plain HTTP on this machine the cookie is lcm_session. "
        "Changes need the header X-CSRF-Token as well.",
    },
}
EITHER: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
TOKEN_ONLY: list[dict[str, list[str]]] = [{"bearer": []}]
PROBLEM_EXAMPLE = {
    "type": "urn:lcm:problem:NotFound",
    "title": "Not found",
    "status": 404,
    "detail": "There is no worker with id w-1.",
    "instance": "/api/workers/w-1",
    "code": "NotFound",
    "errors": [],
    "correlation_id": "9f2c1a",
}
_PROBLEM = "#/components/schemas/Problem"

Operation = dict[str, Any]


def describe(api: FastAPI) -> None:
    """Correct what FastAPI writes of the API, once, when the document is first asked for."""
    made = api.openapi

    def openapi() -> Operation:
        if api.openapi_schema is None:
            _correct(made(), api)
        return cast("Operation", api.openapi_schema)

    api.openapi = openapi  # type: ignore[method-assign]


def _correct(document: Operation, api: FastAPI) -> None:
    document["components"]["securitySchemes"] = {name: dict(scheme) for name, scheme in SECURITY_SCHEMES.items()}
    document["components"]["schemas"]["Problem"]["example"] = PROBLEM_EXAMPLE
    guards = {
        (route.path_format, method.lower()): route.guard
        for route in api.routes
        if isinstance(route, GuardedRoute)
        for method in route.methods or ()
    }
    examples = Examples(document["components"]["schemas"])
    for path, method, operation in operations(document):
        for response in operation["responses"].values():
            _as_problem(response)
        _show(operation, examples)
        guard = guards.get((path, method))
        if guard is None or guard.action is None:
            operation["security"] = []
        else:
            operation["security"] = TOKEN_ONLY if path.startswith("/internal/") else EITHER


def _show(operation: Operation, examples: Examples) -> None:
    """Put an example beside every JSON body and every answer that is no refusal."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        body["example"] = examples.request(body["schema"])
    for status, response in operation["responses"].items():
        answer = response.get("content", {}).get("application/json")
        if status.startswith("2") and answer is not None:
            answer["example"] = examples.answer(answer["schema"])


def operations(document: Operation) -> Iterator[tuple[str, str, Operation]]:
    """Path, method and description of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _as_problem(response: Operation) -> None:
    content = response.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if schema.get("$ref") == _PROBLEM:
        content[MEDIA_TYPE] = content.pop("application/json")
