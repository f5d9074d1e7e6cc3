"""One lab from upload to score, and what is left of it afterwards: nothing."""

from pathlib import Path

import pytest

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, WorkerPhase
from lcm_core.etcd import EtcdClient
from lcm_simulators.world import World
from tests.system import outside
from tests.system.packages import two_routers
from tests.system.platform import Platform, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


async def test_a_reserved_lab_is_built_learned_graded_and_cleaned_up(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    definition = await platform.define(two_routers(tmp_path))
    assert definition.status.content is not None
    assert definition.status.content.node_count == 2
    reserved = await platform.reserve(definition)

    ready = await platform.reach(reserved.id, SessionPhase.READY)
    assert ready.status.placement is not None
    worker_id = ready.status.placement.worker_id
    ports = list(ready.status.placement.ports.values())
    assert len(set(ports)) == len(ports) == 2
    assert all(2000 <= port <= 7999 for port in ports)
    labs = await outside.labs_on_controllers(world)
    assert sum(reserved.id in title for titles in labs.values() for title in titles) == 1

    ended = await platform.play(reserved.id)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    visited = [change.phase for change in ended.status.history]
    in_order = [SessionPhase.READY, SessionPhase.RUNNING, SessionPhase.COLLECTING, SessionPhase.GRADING]
    assert [phase for phase in visited if phase in in_order] == in_order
    report = await platform.score(reserved.id)
    assert report.passed
    assert report.score == report.max_score
    assert outside.doubled_workers(world) == []
    assert await outside.lds_states(world, [reserved.id]) == {reserved.id: ["ARCHIVED"]}
    labs = await outside.labs_on_controllers(world)
    assert [title for titles in labs.values() for title in titles] == []

    async def switched_off() -> bool | None:
        states = {worker.id: worker.status.phase for worker in await platform.workers()}
        return True if states[worker_id] in (WorkerPhase.STOPPED, WorkerPhase.TERMINATED) else None

    await until("the idle worker is switched off", switched_off, within_seconds=150)


async def test_etcd_holds_the_keys_of_the_domain_and_no_secret(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    definition = await platform.define(two_routers(tmp_path, "keys-and-secrets"))
    reserved = await platform.reserve(definition)
    await platform.reach(reserved.id, SessionPhase.READY)
    async with EtcdClient([f"127.0.0.1:{world.settings.ports.etcd}"]) as etcd:
        listing = await etcd.list("/lcm")
    keys = {item.key for item in listing.items}
    worker_id = (await platform.session(reserved.id)).status.placement.worker_id  # type: ignore[union-attr]
    assert f"/lcm/sessions/{reserved.id}/state" in keys
    assert f"/lcm/definitions/{definition.id}/state" in keys
    assert {f"/lcm/workers/{worker_id}/state", f"/lcm/workers/{worker_id}/capacity"} <= keys
    assert any(key.startswith("/lcm/templates/") for key in keys)
    assert any(key.startswith("/lcm/lab-records/") for key in keys)
    stored = b"\n".join(item.value for item in listing.items)
    for name, secret in world.settings.secrets.items():
        assert secret.encode() not in stored, f"{name} stands in etcd"
    await platform.api.call("POST", f"/api/lablet-sessions/{reserved.id}/cancel", body={"reason": "seen enough"})


async def test_a_wiped_etcd_is_rebuilt_while_labs_run(world: World, platform: Platform, tmp_path: Path) -> None:
    definition = await platform.define(two_routers(tmp_path, "etcd-wiped"))
    reserved = await platform.reserve(definition)
    await platform.reach(reserved.id, SessionPhase.READY)
    async with EtcdClient([f"127.0.0.1:{world.settings.ports.etcd}"]) as etcd:
        before = {item.key for item in (await etcd.list("/lcm/")).items}
        await etcd.delete_prefix("/lcm")

        async def healed() -> bool | None:
            now = {item.key for item in (await etcd.list("/lcm/")).items}
            return True if before - {key for key in before if key.endswith("/metrics")} <= now else None

        await until("every key is back", healed, within_seconds=30)
    ended = await platform.play(reserved.id)
    assert ended.status.outcome is SessionOutcome.COMPLETED
