"""The CML adapter against a simulated controller: layers, sign-in, push, and secrets that stay put."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from worker_world import WorkerWorld

from lcm_core.spi.cml_system import CmlRefused, CmlSignInRefused, CmlTarget, CmlUnavailable, Layer, Registration
from lcm_simulators.embedded.process import free_port
from worker_controller.adapters.cml_bodies import without_token
from worker_controller.adapters.cml_system import HttpCmlSystem
from worker_controller.adapters.trust import Trust

process_test = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def target(platform: WorkerWorld) -> AsyncIterator[CmlTarget]:
    """A controller that no worker knows of."""
    config = {"address": "127.0.0.1", "port": free_port(), "boot_seconds": 0, "admin_password": "right"}
    await platform.admin("cml", "PUT", "controllers/i-adapter", config)
    yield CmlTarget("adapter", f"https://127.0.0.1:{config['port']}", "admin", "right")
    await platform.admin("cml", "DELETE", "controllers/i-adapter")


@pytest_asyncio.fixture(loop_scope="session")
async def cml(platform: WorkerWorld) -> AsyncIterator[HttpCmlSystem]:
    """The adapter, trusting the simulated CA."""
    system = HttpCmlSystem(Trust(platform.world.data_dir / "cml/ca/ca.pem"), timeout_seconds=3.0)
    yield system
    await system.close()
    await platform.behave()


def elsewhere(target: CmlTarget, **changes: str) -> CmlTarget:
    known = {"worker_id": "other", "endpoint": target.endpoint, "username": "admin", "password": "right"}
    return CmlTarget(**{**known, **changes})


@process_test
async def test_the_lowest_layer_that_fails_is_named(
    platform: WorkerWorld, cml: HttpCmlSystem, target: CmlTarget, tmp_path: Path
) -> None:
    assert (await cml.readiness(target)).failing is None
    nobody = elsewhere(target, endpoint=f"https://127.0.0.1:{free_port()}")
    assert (await cml.readiness(nobody)).failing is Layer.TCP
    stranger = HttpCmlSystem(Trust(None))
    assert (await stranger.readiness(target)).failing is Layer.TLS, "a private CA is not trusted by default"
    await stranger.close()
    without = HttpCmlSystem(Trust(tmp_path / "no-such.pem"))
    assert (await without.readiness(target)).failing is Layer.TLS
    bad_gateway = {"match": {"key": "i-adapter"}, "kind": "status", "status": 502, "count": 1}
    await platform.admin("cml", "PUT", "faults", [bad_gateway])
    assert (await cml.readiness(target)).failing is Layer.HTTP
    not_ready = {
        "match": {"key": "i-adapter"},
        "kind": "wrong_answer",
        "body": {"version": "2.9.1", "ready": False},
        "count": 1,
    }
    await platform.admin("cml", "PUT", "faults", [not_ready])
    assert (await cml.readiness(target)).failing is Layer.READY


@process_test
async def test_a_wrong_password_is_told_without_telling_it(cml: HttpCmlSystem, target: CmlTarget) -> None:
    wrong = elsewhere(target, password="hunter2-hunter2")
    with pytest.raises(CmlSignInRefused) as refused:
        await cml.system_stats(wrong)
    assert "hunter2" not in str(refused.value) + repr(wrong)


@process_test
async def test_an_expired_token_costs_one_new_sign_in(
    platform: WorkerWorld, cml: HttpCmlSystem, target: CmlTarget
) -> None:
    assert (await cml.system_stats(target)).cores == 48
    expired = {"match": {"operation": "system_stats"}, "kind": "status", "status": 401, "count": 1}
    await platform.admin("cml", "PUT", "faults", [expired])
    assert (await cml.system_stats(target)).memory_total > 0


@process_test
async def test_a_license_is_registered_and_returned_and_both_may_be_repeated(
    platform: WorkerWorld, cml: HttpCmlSystem, target: CmlTarget
) -> None:
    assert await cml.deregister(target), "nothing to return is fine"
    await cml.register(target, "a-token", reregister=False)
    async with asyncio.timeout(20):
        while (await cml.license(target)).registration is not Registration.COMPLETED:
            continue
    await cml.set_expansion_nodes(target, 30)
    held = await cml.license(target)
    assert held.in_compliance
    assert held.expansion_nodes == 30
    assert held.expires is not None
    with pytest.raises(CmlRefused):
        await cml.set_expansion_nodes(target, 10_000)
    assert await cml.deregister(target)
    assert await cml.deregister(target)


@process_test
async def test_statistics_are_pushed(cml: HttpCmlSystem, target: CmlTarget) -> None:
    async with asyncio.timeout(20), aclosing(cml.pushed_stats(target)) as stream:  # type: ignore[type-var]
        async for stats in stream:
            assert stats.cores == 48
            break
    with pytest.raises(CmlUnavailable):
        async for _ in cml.pushed_stats(elsewhere(target, endpoint=f"https://127.0.0.1:{free_port()}")):
            pass


@pytest.mark.parametrize(
    "text", ["The token 'abc123' is not valid.", "abc123' is not valid", "'abc123' and \"abc123\" and 'abc123"]
)
def test_a_quoted_token_is_hidden(text: str) -> None:
    assert "abc123" not in without_token(text)
