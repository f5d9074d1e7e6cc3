"""The typed client asks for what the API offers: each path, method, body and answer is in the OpenAPI document."""

import inspect
import re
from collections.abc import AsyncIterator
from typing import Any, cast, get_type_hints

import pytest
from pydantic import BaseModel

from control_plane_api.composition.platform import build_platform
from control_plane_api.settings import Settings
from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.http import ApiClient

PART = "a-part"
METHODS = sorted(
    name
    for name, member in inspect.getmembers(ControlPlaneClient, inspect.isfunction)
    if not name.startswith("_") and (inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member))
)


class Asked(Exception):
    """Carries the request that the client would have sent."""

    def __init__(self, method: str, path: str, body: BaseModel | None, response: type[BaseModel] | None) -> None:
        super().__init__(f"{method} {path}")
        self.method, self.path, self.body, self.response = method, path, body, response


class Recorder:
    """Takes the place of the HTTP client and sends nothing."""

    async def call(self, method: str, path: str, **given: Any) -> None:
        """See ``ApiClient``."""
        raise Asked(method, path, given.get("body"), given.get("response"))

    async def download(self, path: str, **_: Any) -> None:
        """See ``ApiClient``."""
        raise Asked("GET", path, None, None)

    async def upload(self, path: str, *_: Any, **given: Any) -> None:
        """See ``ApiClient``."""
        raise Asked("POST", path, None, given.get("response"))


def argument(annotation: Any) -> Any:
    """Some value of the type; models are made without validation."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation.model_construct()
    return {str: PART, int: 1, float: 1.0, bool: True}.get(annotation, [])


async def request_of(name: str) -> Asked:
    """What the method asks the API for."""
    client = ControlPlaneClient(cast(ApiClient, Recorder()))
    method = getattr(client, name)
    hints = get_type_hints(method)
    parameters = inspect.signature(method).parameters.values()
    required = [each for each in parameters if each.default is inspect.Parameter.empty]
    positional = [argument(hints[each.name]) for each in required if each.kind is not each.KEYWORD_ONLY]
    named = {each.name: argument(hints[each.name]) for each in required if each.kind is each.KEYWORD_ONLY}
    answer = method(*positional, **named)
    with pytest.raises(Asked) as asked:
        await (anext(answer) if isinstance(answer, AsyncIterator) else answer)
    return asked.value


def reference(content: dict[str, Any]) -> str:
    """Name of the model in a body or an answer of the document."""
    schema = next(iter(content.values()), {}).get("schema", {})
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def wire_name(model: type[BaseModel]) -> str:
    """The model's name in the document, where ``Page[X]`` is ``Page_X_``."""
    return re.sub(r"[^\w]", "_", model.__name__)


@pytest.fixture(scope="module")
def operations() -> dict[str, dict[str, Any]]:
    """Every path of the API with its operations."""
    return cast("dict[str, dict[str, Any]]", build_platform(Settings()).api.openapi()["paths"])


@pytest.mark.parametrize("name", METHODS)
async def test_the_client_agrees_with_the_document(name: str, operations: dict[str, dict[str, Any]]) -> None:
    asked = await request_of(name)
    path = asked.path.removeprefix("/api")
    matching = [
        entry[asked.method.lower()]
        for pattern, entry in sorted(operations.items(), key=lambda item: item[0].count("{"))
        if asked.method.lower() in entry and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path)
    ]
    assert matching, f"the API has no {asked}"
    operation = matching[0]
    if asked.body is not None:
        assert reference(operation["requestBody"]["content"]) == wire_name(type(asked.body))
    if asked.response is not None:
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert reference(good["content"]) == wire_name(asked.response)
