"""The API is what its description says, for everybody: Schemathesis calls every operation as each role."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from plane_process import PlaneProcess
from pydantic import TypeAdapter, ValidationError

from control_plane_api.api.description import operations
from control_plane_api.composition.platform import build_platform
from control_plane_api.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
TOOLS = Path(os.environ.get("LCM_TOOLS_DIR") or ROOT / ".tools")
PROGRAM = TOOLS / "venvs" / "schemathesis" / "bin" / "schemathesis"
EXAMPLES = os.environ.get("LCM_SCHEMATHESIS_EXAMPLES", "1")
"""Generated calls of an operation and caller; a thorough run takes some hundred."""
PEOPLE = ("", "user", "user2", "author", "manager", "admin")
CONTROLLERS = ("resource-scheduler", "worker-controller", "lablet-controller")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "^/events/stream$"


async def described(plane: PlaneProcess) -> dict[str, object]:
    async with plane.caller() as http:
        return (await http.get("/api/openapi.json")).json()  # type: ignore[no-any-return]


async def test_every_operation_says_how_it_is_signed_in_to_and_how_it_refuses(plane: PlaneProcess) -> None:
    document = await described(plane)
    for path, method, operation in operations(document):
        where = f"{method.upper()} {path}"
        assert operation["summary"], where
        assert operation.get("description"), where
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema["$ref"].endswith("/Problem"), f"{where}: {status}"
        anybody = operation["security"] == []
        assert anybody == path.startswith("/auth/") or not anybody, where
        async with plane.caller() as http:
            if not anybody and not path.endswith("/stream"):
                answer = await http.request(method, "/api" + path.replace("{", "").replace("}", ""))
                assert answer.status_code == 401, where
    schemes = document["components"]["securitySchemes"]  # type: ignore[index]
    assert set(schemes) == {"bearer", "session"}


def test_every_example_is_a_body_that_the_platform_accepts_or_sends() -> None:
    api = build_platform(Settings()).api
    document = api.openapi()
    routes = {
        (route.path_format, method.lower()): route
        for route in api.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    wrong, shown = [], 0
    for path, method, operation in operations(document):
        route = routes[path, method]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            assert route.body_field is not None
            _, errors = route.body_field.validate(body["example"], {}, loc=("body",))
            wrong += [f"{method} {path} takes {body['example']}: {errors}"] if errors else []
            shown += 1
        answer = operation["responses"].get("200", operation["responses"].get("201", {}))
        content = answer.get("content", {}).get("application/json")
        if content is not None:
            try:
                TypeAdapter(route.response_model).validate_python(content["example"])
            except ValidationError as error:
                wrong.append(f"{method} {path} answers {content['example']}: {error}")
            shown += 1
    assert not wrong, "\n".join(wrong)
    assert shown > 140


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_no_call_of_any_role_fails_or_is_answered_as_the_description_does_not_say(
    plane_factory: Callable[..., PlaneProcess], tmp_path: Path
) -> None:
    if not PROGRAM.exists():
        pytest.skip("Schemathesis is not on this machine: run `make check-tools`")
    plane = plane_factory()
    await plane.start()
    gate = asyncio.Semaphore(2)

    async def run(caller: str) -> str:
        async with gate:
            return await _findings(plane, caller, tmp_path)

    found = await asyncio.gather(*(run(caller) for caller in PEOPLE + CONTROLLERS))
    assert not any(found), "\n\n".join(found)
    async with httpx.AsyncClient(base_url=plane.url, trust_env=False) as http:
        assert (await http.get("/api/health/ready")).status_code == 200


async def _findings(plane: PlaneProcess, caller: str, folder: Path) -> str:
    """What Schemathesis complains of when it calls as somebody; empty for nothing."""
    headers = ["--header", f"Authorization: Bearer {plane.realm.token(caller, seconds=3600)}"] if caller else []
    command = [
        *(str(PROGRAM), "run", f"{plane.url}/api/openapi.json", *headers, "--no-color"),
        *("--checks", CHECKS, "--phases", "fuzzing", "--max-examples", EXAMPLES, "--seed", "7"),
        *("--exclude-path-regex", ENDLESS, "--request-timeout", "20"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    text = said.decode(errors="replace")
    assert "Tested:" in text, text[-2000:]
    return "" if process.returncode == 0 else f"as {caller or 'nobody'}:\n{text[-6000:]}"
