"""The supervisor brings processes up in order, back after a crash and down on request, and says what is in the way."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from lcm_simulators.supervisor.files import development_secrets, keep_clock
from lcm_simulators.supervisor.plan import shared_environment
from lcm_simulators.supervisor.ports import Ports, PortTakenError, environment_with_local_file
from lcm_simulators.world import World


def _world(folder: Path, said: list[str], *, also: Set[str] = frozenset(), **options: object) -> World:
    return World(
        folder,
        ports="ephemeral",
        environment={"MONGODB_URI": "", "LCM_ETCD_ENDPOINTS": ""},
        only={"etcd", "moto", *also},
        durable=False,
        report=said.append,
        **options,  # type: ignore[arg-type]
    )


async def _until(predicate: object, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not predicate():  # type: ignore[operator]
            await asyncio.sleep(0.05)


async def test_a_crashed_process_comes_back_on_its_port_and_the_crash_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    async with _world(tmp_path, said) as world:
        url, pid = world.url("etcd"), world.pid("etcd")
        world.kill("etcd")
        await _until(lambda: world.restarts("etcd") == 1 and world.pid("etcd"))
        assert await world.healthy("etcd", within_seconds=15)
        assert world.url("etcd") == url
        assert world.pid("etcd") != pid
    assert any("etcd died" in line for line in said)


async def test_a_database_whose_storage_engine_panicked_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "logs" / "database.log"
    log.parent.mkdir()
    log.write_text("the process must exit and restart: WT_PANIC: WiredTiger library panic\n")  # of an earlier life
    async with _world(tmp_path, said, also={"database"}) as world:
        pid = world.pid("database")
        for line in ("nothing of interest\n", "log server error: WT_PANIC: WiredTiger library panic\n"):
            assert world.pid("database") == pid
            assert world.restarts("database") == 0
            with log.open("a") as file:
                file.write(line)
        await _until(lambda: world.restarts("database") == 1 and world.pid("database"))
        assert await world.healthy("database", within_seconds=15)
        assert world.pid("database") != pid
    assert any("database cannot go on: its storage engine has panicked" in line for line in said)


async def test_without_auto_restart_a_killed_process_stays_dead_until_it_is_started(tmp_path: Path) -> None:
    async with _world(tmp_path, [], auto_restart=False) as world:
        world.kill("moto")
        assert world.pid("moto") is None
        await world.start_process("moto")
        assert await world.healthy("moto", within_seconds=5)


def test_replicas_have_names_and_ports_of_their_own_and_share_what_is_outside(tmp_path: Path) -> None:
    addresses = {"LCM_CONTROL_PLANE_URL": "http://127.0.0.1:9", "LCM_EVENTS_URL": "http://127.0.0.1:10/events"}
    world = World(tmp_path, ports="ephemeral", environment=addresses, replicas=2, report=lambda _: None)
    services = ["control-plane", "resource-scheduler", "worker-controller", "lablet-controller"]
    assert sorted(name for name in world.names if name.endswith("-2")) == sorted(f"{name}-2" for name in services)
    assert len({world.port(name) for name in world.names}) == len(world.names)
    assert shared_environment(world.settings).items() >= addresses.items()


async def test_variables_for_one_start_are_gone_at_the_next(tmp_path: Path) -> None:
    async with _world(tmp_path, [], auto_restart=False) as world:
        pids = []
        for more in ({"LCM_TRIED": "once"}, {}):
            world.kill("moto")
            await world.start_process("moto", **more)
            pids.append(psutil.Process(world.pid("moto")).environ().get("LCM_TRIED"))
    assert pids == ["once", None]


async def test_stopping_ends_every_process_and_the_record_of_them(tmp_path: Path) -> None:
    world = await _world(tmp_path, []).start()
    pids = [world.pid(name) for name in world.names]
    recorded = json.loads((tmp_path / "pids.json").read_text())
    assert {process["pid"] for process in recorded["processes"].values()} == set(pids)
    await world.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert not (tmp_path / "pids.json").exists()


async def test_a_taken_port_is_refused_naming_the_process_and_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        world = World(tmp_path, ports=Ports(etcd=port, etcd_peer=port), only={"etcd"}, report=lambda _: None)
        with pytest.raises(PortTakenError, match=rf"port {port} \(etcd\).*pid {os.getpid()}.*LCM_ETCD_PORT"):
            await world.start()


async def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys, signal\n"
        "from pathlib import Path\n"
        "from lcm_simulators.world import World\n"
        f"world = World(Path({str(tmp_path)!r}), ports='ephemeral', only={{'etcd'}}, durable=False)\n"
        "asyncio.run(world.start())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    first = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.DEVNULL)
    await first.wait()
    orphan = json.loads((tmp_path / "pids.json").read_text())["processes"]["etcd"]["pid"]
    assert psutil.pid_exists(orphan)
    said: list[str] = []
    async with _world(tmp_path, said):
        assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
    assert "ending 1 processes that an earlier run left behind" in said


def test_the_domain_clock_goes_on_from_where_it_was_when_its_factor_changes(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    started = datetime.now(UTC) - timedelta(hours=1)
    path.write_text(
        json.dumps({"real_anchor": started.isoformat(), "domain_anchor": started.isoformat(), "factor": 10.0})
    )
    assert keep_clock(path, None) == 10.0
    assert keep_clock(path, 2.0) == 2.0
    anchor = json.loads(path.read_text())
    reached = datetime.fromisoformat(anchor["domain_anchor"])
    assert abs(reached - (started + timedelta(hours=10))) < timedelta(minutes=1)


def test_development_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    first = development_secrets(path)
    assert development_secrets(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(len(value) >= 32 for value in first.values())


def test_a_port_setting_that_is_no_port_is_named() -> None:
    with pytest.raises(ValueError, match="APP_PORT=80a0"):
        Ports.from_environment({"APP_PORT": "80a0"})


def test_the_local_file_yields_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PORT", "9000")
    merged = environment_with_local_file("# comment\nAPP_PORT=1\nexport DEBUG='true'  # why\n")
    assert (merged["APP_PORT"], merged["DEBUG"]) == ("9000", "true")
