"""Production mode, the documented roles, and what the self-check refuses."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from control_plane_api.application.authorization.role_table import role_table
from control_plane_api.application.mediation.mediator import SafeMediator
from control_plane_api.application.task.commands.task_commands import DeleteTaskCommand
from control_plane_api.composition.production import insecure
from control_plane_api.composition.self_check import check_wiring
from control_plane_api.kernel.errors import WiringError
from control_plane_api.settings import Settings

ROOT = Path(__file__).parents[3]
GOOD = {
    "LCM_PRODUCTION": "true",
    "JWT_SECRET_KEY": "x" * 32,
    "KEYCLOAK_CLIENT_SECRET": "y" * 32,
    "LCM_ENVELOPE_KEY": "k1:" + "z" * 32,
    "LCM_PUBLIC_URL": "https://lcm.example",
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, ""),
        ({"LCM_PUBLIC_URL": "http://127.0.0.1:8000"}, ""),
        ({"LCM_PUBLIC_URL": "http://lcm.example"}, "LCM_PUBLIC_URL"),
        ({"LCM_PUBLIC_URL": ""}, "LCM_PUBLIC_URL"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY"),
        ({"LCM_ENVELOPE_KEY": "dev:insecure-development-envelope-key"}, "LCM_ENVELOPE_KEY"),
        ({"KEYCLOAK_CLIENT_SECRET": "portal-web-app-dev-secret"}, "KEYCLOAK_CLIENT_SECRET"),
    ],
)
def test_production_mode_names_each_setting_it_refuses(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], named: str
) -> None:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    faults = insecure(Settings())
    assert [fault.split()[0] for fault in faults] == ([named] if named else [])


def test_development_accepts_the_defaults() -> None:
    assert insecure(Settings()) == []


def test_the_documented_roles_are_those_of_the_policy() -> None:
    assert (ROOT / "docs/security/roles.md").read_text(encoding="utf-8") == role_table()


def test_the_self_check_names_a_command_without_a_handler_and_a_route_without_a_guard() -> None:
    api = FastAPI()

    @api.get("/open-door")
    def open_door() -> None:
        """Nobody guards this."""

    with pytest.raises(WiringError) as holes:
        check_wiring(api, SafeMediator(None, {}, []), frozenset({DeleteTaskCommand}))
    assert "nobody handles DeleteTaskCommand" in str(holes.value)
    assert "route /open-door is not guarded" in str(holes.value)
