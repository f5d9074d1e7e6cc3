"""One reservation is one trace: from the API through etcd into each reconcile and on to EC2 and CML."""

import secrets
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from lcm_core.domain.vocabulary import SessionPhase
from lcm_simulators.world import World
from tests.system.packages import two_routers
from tests.system.platform import signed_in, until
from tests.system.telescope import SpanSeen, telescope

pytestmark = pytest.mark.slow

WAYS = (
    # The service at whose end of the way a span must stand, the start of its name, and what it must have passed.
    ("resource-scheduler", "reconcile", ()),
    ("worker-controller", "RunInstances EC2", ("resource-scheduler",)),
    ("lablet-controller", "POST CML", ("resource-scheduler",)),
)


async def test_a_reservation_is_one_trace_from_the_api_to_ec2_and_cml(tmp_path: Path) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    with telescope() as seen:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with (
            World(
                tmp_path / "world",
                ports="ephemeral",
                boot_scale=0.0,
                durable=False,
                environment=environment,
                report=lambda _: None,
            ) as world,
            signed_in(world) as platform,
        ):
            definition = await platform.define(two_routers(tmp_path, "traced"))
            body = {"definition_id": definition.id, "as_soon_as_possible": True, "duration_minutes": 60}
            headers = {"Authorization": f"Bearer {platform.token}", "traceparent": f"00-{trace_id}-{span_id}-01"}
            async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
                url = f"{world.url('control-plane')}/api/lablet-sessions"
                made = await http.post(url, json=body, headers=headers)
                assert made.status_code == 201, made.text
            await platform.reach(made.json()["id"], SessionPhase.READY)

            async def every_way() -> bool | None:
                return True if all(_arrived(seen.of_trace(trace_id), *way[:2]) for way in WAYS) else None

            with suppress(AssertionError):
                await until("the spans of all services arrive", every_way, 30)

        spans = seen.of_trace(trace_id)
        names = sorted({f"{span.service}: {span.name}" for span in spans})
        for service, name, passed in WAYS:
            span = _arrived(spans, service, name)
            assert span is not None, names
            above = seen.ancestors(span)
            assert above[-1].name == "POST /api/lablet-sessions", names
            assert above[-1].parent_id == span_id
            assert {"control-plane", *passed} <= {each.service for each in above}, names


def _arrived(spans: list[SpanSeen], service: str, name: str) -> SpanSeen | None:
    return next((span for span in spans if span.service == service and span.name.startswith(name)), None)
