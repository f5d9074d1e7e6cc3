"""Rules that the sources keep: what the console may not do, what the services may not do, what nginx may not do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from control_plane_api.api.guard import GuardedRoute
from control_plane_api.api.router import ROUTERS

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "src" / "control-plane-api" / "frontend"
PACKAGES = {
    "core": "lcm_core",
    "control-plane-api": "control_plane_api",
    "resource-scheduler": "resource_scheduler",
    "worker-controller": "worker_controller",
    "lablet-controller": "lablet_controller",
}
RAW_HTML = re.compile(r"dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|postMessage")
EVALUATED = re.compile(r"\beval\(|new Function\(")
ELSEWHERE = re.compile(r"""(?:src|href|fetch\(|import\(|url\()\s*=?\s*["'`]?(https?:)?//""")
STORED = re.compile(r"(?:local|session)Storage|indexedDB|document\.cookie")
DANGEROUS_IMPORTS = {"subprocess", "pickle", "marshal", "shelve", "ctypes"}
ADDRESSES = {"url", "uri", "endpoint", "host", "address", "callback", "webhook"}
EVALUATING = {"eval", "exec", "compile", "__import__"}
STARTING = {"system", "popen", "unsafe_load", "create_subprocess_exec", "create_subprocess_shell"}
# The entry point of the images starts the service again when its sources change, in development.
STARTS_A_CHILD = {"lcm_core/container.py"}


def console_files() -> Iterator[tuple[str, str]]:
    """Sources of the console without their tests."""
    for path in [FRONTEND / "index.html", *sorted((FRONTEND / "src").rglob("*"))]:
        if path.suffix in (".ts", ".tsx", ".css", ".html") and ".test." not in path.name:
            yield path.relative_to(FRONTEND).as_posix(), path.read_text(encoding="utf-8")


def service_modules() -> Iterator[tuple[str, ast.Module]]:
    """Modules of everything that is deployed."""
    for folder, package in PACKAGES.items():
        for path in sorted((ROOT / "src" / folder / package).rglob("*.py")):
            name = path.relative_to(ROOT / "src" / folder).as_posix()
            yield name, ast.parse(path.read_text(encoding="utf-8"), name)


def test_the_console_builds_no_page_from_text() -> None:
    files = list(console_files())
    assert len(files) > 20
    assert [name for name, text in files if RAW_HTML.search(text) or EVALUATED.search(text)] == []


def test_the_console_loads_nothing_from_elsewhere() -> None:
    found = [name for name, text in console_files() if name != "src/api/schema.d.ts" and ELSEWHERE.search(text)]
    assert found == []


def test_the_browser_keeps_a_theme_and_a_time_zone_alone() -> None:
    assert {name for name, text in console_files() if STORED.search(text)} == {"src/lib/time.ts", "src/theme.ts"}


def test_the_services_start_no_program() -> None:
    found = []
    for name, module in service_modules():
        for node in ast.walk(module):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            called = node.func if isinstance(node, ast.Call) else None
            builtin, method = getattr(called, "id", ""), getattr(called, "attr", "")
            dangerous = builtin in EVALUATING or method in STARTING
            if DANGEROUS_IMPORTS & {each.split(".")[0] for each in imported} or dangerous:
                found.append(name)
    assert set(found) == STARTS_A_CHILD


def test_no_client_follows_a_redirect() -> None:
    for name, module in service_modules():
        for node in ast.walk(module):
            if isinstance(node, ast.keyword) and node.arg == "follow_redirects":
                assert isinstance(node.value, ast.Constant), name
                assert node.value.value is False, name


def test_no_get_carries_a_command() -> None:
    looked_at = 0
    for name, module in service_modules():
        if not name.startswith("control_plane_api/api/routes/"):
            continue
        for function in [node for node in ast.walk(module) if isinstance(node, ast.AsyncFunctionDef)]:
            gets = [each for each in function.decorator_list if ast.unparse(each).split("(")[0].endswith("router.get")]
            if gets:
                looked_at += 1
                commands = re.findall(r"\w+Command\b", ast.unparse(function))
                assert commands == [], f"{name}: {function.name}"
    assert looked_at > 30


def fields_of(model: object) -> Iterator[str]:
    """Names of the fields of a body and of the models inside it."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield name
            for part in (field.annotation, *get_args(field.annotation)):
                yield from fields_of(part)


def test_no_body_of_a_person_names_an_address_to_call() -> None:
    names: set[str] = set()
    for route in [route for router in ROUTERS for route in router.routes if isinstance(route, GuardedRoute)]:
        if not route.path.startswith("/internal/"):
            for parameter in route.dependant.body_params:
                for part in (parameter.field_info.annotation, *get_args(parameter.field_info.annotation)):
                    names |= set(fields_of(part))
    assert {"definition_id", "instance_id", "start"} <= names
    assert [name for name in sorted(names) if ADDRESSES & set(name.split("_"))] == []


def test_plain_http_is_refused_to_programs() -> None:
    tls = (ROOT / "deployment" / "nginx" / "tls.conf").read_text(encoding="utf-8")
    plain = tls.split("listen 80;", 1)[1].split("listen 443", 1)[0]
    assert "location /api/ { return 403; }" in plain
    assert "location = /events { return 403; }" in plain
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in tls
    shared = (ROOT / "deployment" / "nginx" / "locations.conf").read_text(encoding="utf-8")
    assert "location = /metrics { return 404; }" in shared
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in shared
