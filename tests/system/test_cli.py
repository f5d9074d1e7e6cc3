"""The ``lcm`` command against a running platform, as a person and as a script would use it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lcm_core.contracts.definitions import DefinitionView
from lcm_core.domain.vocabulary import DefinitionPhase, SessionPhase
from lcm_simulators.world import World
from tests.system.packages import TWO_ROUTERS
from tests.system.platform import ROOT, Platform, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


class Terminal:
    """A shell with its own configuration folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self._environment = {**os.environ, "LCM_URL": url, "LCM_CONFIG": str(folder / "profile.json"), "COLUMNS": "200"}

    async def lcm(self, *words: str, typed: str = "") -> Said:
        """Run one command to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lcm_cli",
            *words,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), 120)
        return Said(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def terminal(world: World, tmp_path: Path) -> Terminal:
    return Terminal(world.url("control-plane"), tmp_path)


async def sign_in(terminal: Terminal, username: str = "admin") -> None:
    said = await terminal.lcm("login", "-u", username, "--password-stdin", typed="test\n")
    assert said.code == 0, said.err


async def test_a_command_without_sign_in_says_what_to_do(terminal: Terminal) -> None:
    said = await terminal.lcm("get", "workers")
    assert said.code == 3
    assert "lcm login" in said.err


async def test_wrong_passwords_are_refused_with_an_exit_code(terminal: Terminal) -> None:
    said = await terminal.lcm("login", "-u", "admin", "--password-stdin", typed="wrong\n")
    assert (said.code, said.out) == (3, "")


async def test_a_signed_in_person_is_known_with_roles(terminal: Terminal) -> None:
    await sign_in(terminal)
    said = await terminal.lcm("whoami")
    assert said.out.startswith("admin (")


async def test_lists_come_as_table_json_and_yaml(terminal: Terminal) -> None:
    await sign_in(terminal)
    table = await terminal.lcm("get", "templates")
    assert table.out.splitlines()[0].split()[:2] == ["NAME", "ID"]
    as_json = json.loads((await terminal.lcm("get", "templates", "-o", "json")).out)
    as_yaml = yaml.safe_load((await terminal.lcm("-o", "yaml", "get", "templates")).out)
    assert [item["id"] for item in as_json] == [item["id"] for item in as_yaml] != []


async def test_costs_come_by_owner_or_department_with_their_total(terminal: Terminal) -> None:
    await sign_in(terminal)
    table = (await terminal.lcm("costs")).out.splitlines()
    assert table[0].split() == ["OWNER", "SESSIONS", "USD", "SO", "FAR", "USD", "FORECAST"]
    assert table[-1].split()[0] == "total"
    said = await terminal.lcm("costs", "--by", "department", "--start", "-7d", "--end", "+1d", "-o", "json")
    found = json.loads(said.out)
    assert found["by"] == "department"
    assert found["sessions"] == sum(item["sessions"] for item in found["items"])
    backwards = await terminal.lcm("costs", "--start", "+1d", "--end", "-1d")
    assert backwards.code == 1
    assert "after the start" in backwards.err
    assert (await terminal.lcm("costs", "--start", "yesterday")).code == 2


async def test_an_unknown_object_is_exit_code_four(terminal: Terminal) -> None:
    await sign_in(terminal)
    said = await terminal.lcm("describe", "worker", "nobody")
    assert said.code == 4
    assert "nobody" in said.err


async def test_a_manifest_is_checked_before_anything_is_changed(terminal: Terminal, tmp_path: Path) -> None:
    await sign_in(terminal)
    good = {"kind": "WorkerTemplate", "spec": template("never-made")}
    bad = {"kind": "WorkerTemplate", "spec": {**template("bad"), "hourly_cost_usd": -1}}
    manifest = tmp_path / "two.yaml"
    manifest.write_text(yaml.safe_dump_all([good, bad]))
    said = await terminal.lcm("apply", "-f", str(manifest))
    assert said.code == 2
    assert "document 2" in said.err
    assert "hourly_cost_usd" in said.err
    assert (await terminal.lcm("describe", "template", "never-made")).code == 4


async def test_apply_creates_then_finds_nothing_to_change_then_revises(terminal: Terminal, tmp_path: Path) -> None:
    await sign_in(terminal)
    manifest = tmp_path / "template.yaml"
    manifest.write_text(yaml.safe_dump({"kind": "WorkerTemplate", "spec": template("by-hand")}))
    said = [(await terminal.lcm("apply", "-f", str(manifest))).out.strip() for _ in range(2)]
    assert said == ["template by-hand created", "template by-hand unchanged"]
    manifest.write_text(
        yaml.safe_dump({"kind": "WorkerTemplate", "spec": {**template("by-hand"), "hourly_cost_usd": 9.5}})
    )
    assert (await terminal.lcm("apply", "-f", str(manifest))).out.strip() == "template by-hand revised"


@pytest.mark.timeout(300)
async def test_a_definition_is_applied_from_a_folder_and_a_session_reserved_and_ended(
    terminal: Terminal, platform: Platform, tmp_path: Path
) -> None:
    await sign_in(terminal)
    said = await terminal.lcm("apply", "-f", str(ROOT / "docs" / "authoring" / "two-routers.yaml"))
    assert said.out.strip() == "definition two-routers 1.0.0 created", said.err

    async def active() -> bool | None:
        path = "/api/lablet-definitions/two-routers-1.0.0"
        seen = await platform.api.call("GET", path, response=DefinitionView)
        return True if seen.status.phase is DefinitionPhase.ACTIVE else None

    await until("the sample of the documentation is active", active)
    said = await terminal.lcm("session", "reserve", "two-routers", "--minutes", "120", "--wait", "-o", "json")
    assert said.code == 0, said.err
    session = json.loads(said.out)[0]
    assert session["status"]["phase"] in ("ready", "running")
    assert (await terminal.lcm("session", "launch", session["id"])).out.startswith("http")
    again = await terminal.lcm("session", "retry", session["id"], "--from", "devices")
    assert again.code == 0, again.err
    brought = tmp_path / "brought.yaml"
    brought.write_text(TWO_ROUTERS)
    worker = session["status"]["placement"]["worker_id"]
    said = await terminal.lcm("lab", "import", str(brought), "--worker", worker, "--title", "Brought", "-o", "json")
    assert said.code == 0, said.err
    lab = json.loads(said.out)[0]["id"]
    assert "label: R1" in (await terminal.lcm("lab", "export", lab)).out
    assert (await terminal.lcm("lab", "delete", lab)).code == 0
    said = await terminal.lcm("session", "start", session["id"])
    assert said.code == 0, said.err
    await platform.reach(session["id"], SessionPhase.RUNNING)
    said = await terminal.lcm("session", "grade", session["id"])
    assert said.code == 0, said.err
    watched = await terminal.lcm("session", "watch", session["id"])
    assert watched.code == 0, watched.err
    assert (await terminal.lcm("session", "score", session["id"])).out.startswith("1 of 3: not passed")

    said = await terminal.lcm("session", "reserve", "two-routers", "--minutes", "60", "-o", "json")
    other = json.loads(said.out)[0]["id"]
    ended = await terminal.lcm("session", "terminate", other, "-m", "seen enough")
    assert ended.code == 0, ended.err
    watched = await terminal.lcm("session", "watch", other)
    assert watched.code == 1
    assert "cancelled" in watched.err


def template(name: str) -> dict[str, object]:
    return {
        "name": name,
        "instance_type": "m5zn.metal",
        "capacity": {"cores": 48, "memory_mb": 196608, "storage_gb": 256, "nodes": 200},
        "hourly_cost_usd": 4.0,
        "enabled": False,
    }
