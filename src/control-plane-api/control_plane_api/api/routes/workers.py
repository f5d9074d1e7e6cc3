"""``/workers`` and ``/worker-templates``."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, Field
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import list_parameters
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.listing import TEMPLATES, WORKERS, ListRequest
from control_plane_api.application.template.commands.template_commands import (
    CreateTemplateCommand,
    ReviseTemplateCommand,
)
from control_plane_api.application.template.queries.template_queries import GetTemplateQuery, ListTemplatesQuery
from control_plane_api.application.worker.commands.worker_commands import (
    AskWorkerCommand,
    CreateWorkerCommand,
    ImportWorkerCommand,
    MonitorWorkerCommand,
    SnoozeWorkerCommand,
    TagWorkerCommand,
    WorkerWish,
)
from control_plane_api.application.worker.queries.worker_queries import (
    HISTORY_LIMIT,
    GetWorkerQuery,
    ListWorkersQuery,
    WorkerClaimsQuery,
    WorkerHistoryQuery,
)
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Page, RequestModel, Sentence, UtcTime
from lcm_core.contracts.workers import (
    CreateWorker,
    ImportWorker,
    TemplateSpec,
    TemplateView,
    WorkerMetrics,
    WorkerView,
)

router = api_router("/workers", tags=["workers"])
import_router = api_router(tags=["workers"])
templates_router = api_router("/worker-templates", tags=["worker templates"])
WorkerId = Annotated[str, Path(min_length=1, max_length=80)]
TemplateId = Annotated[str, Path(min_length=1, max_length=80)]
WHOLE_HISTORY = timedelta(days=7)


def _own_tag(name: str) -> str:
    if name.startswith(("aws:", "lcm:")):
        raise ValueError("tags that start with aws: or lcm: belong to EC2 and to the platform")
    return name


class WorkerReason(RequestModel):
    """Why, in a sentence for the audit trail."""

    reason: Sentence = ""


class Tags(RequestModel):
    """The operator's tags of a worker; they are copied to EC2."""

    tags: dict[
        Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_own_tag)],
        Annotated[str, Field(max_length=250)],
    ] = Field(max_length=30)


class Snooze(RequestModel):
    """Keep idle detection away until an instant; null ends the snooze."""

    until: UtcTime | None


class Monitoring(RequestModel):
    """EC2's detailed monitoring: samples every minute instead of every five, for about 2.10 US dollars a month."""

    detailed: bool


@router.post("", status_code=201, response_model=WorkerView, summary="Launch a worker")
@guard(Action.WORKER_CREATE)
async def create(call: Call, body: CreateWorker) -> Response:
    """From a template."""
    made = await call.execute(CreateWorkerCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/workers/{made.id}"})


@import_router.post("/workers:import", status_code=201, response_model=WorkerView, summary="Import an instance")
@guard(Action.WORKER_CREATE)
async def import_worker(call: Call, body: ImportWorker) -> Response:
    """Take over an existing EC2 instance; importing twice is one worker."""
    made = await call.execute(ImportWorkerCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/workers/{made.id}"})


@router.get("", response_model=Page[WorkerView], summary="List workers")
@guard(Action.WORKER_READ)
async def list_workers(call: Call, page: ListRequest = list_parameters(WORKERS, "Worker")) -> Response:
    """With their latest metrics."""
    return call.respond(await call.execute(ListWorkersQuery(call.principal, page)))


@router.get("/{worker_id}", response_model=WorkerView, summary="Look at a worker")
@guard(Action.WORKER_READ)
async def get_worker(call: Call, worker_id: WorkerId) -> Response:
    """With its conditions, licence, capacity, costs and history."""
    return call.respond(await call.execute(GetWorkerQuery(call.principal, worker_id)))


@router.get("/{worker_id}/metrics", response_model=Page[WorkerMetrics], summary="Read metrics history")
@guard(Action.WORKER_READ)
async def metrics(
    call: Call,
    worker_id: WorkerId,
    since: UtcTime | None = None,
    limit: Annotated[int, Query(ge=1, le=HISTORY_LIMIT)] = 500,
) -> Response:
    """The newest samples since an instant, oldest first.

    A span of up to 12 hours shows single samples, one of up to four days five-minute means, a longer one hourly means;
    they are kept for 2, 14 and 90 days.
    """
    begin: datetime = since or call.now() - WHOLE_HISTORY
    return call.respond(await call.execute(WorkerHistoryQuery(call.principal, worker_id, begin, limit)))


@router.get("/{worker_id}/claims", response_model=Page[ClaimView], summary="Read the bookings of a worker")
@guard(Action.CAPACITY_READ)
async def claims(call: Call, worker_id: WorkerId, start: UtcTime, end: UtcTime) -> Response:
    """What is booked in a window."""
    return call.respond(await call.execute(WorkerClaimsQuery(call.principal, worker_id, start, end)))


@router.put("/{worker_id}/tags", response_model=WorkerView, summary="Replace the tags of a worker")
@guard(Action.WORKER_TAG)
async def tags(call: Call, worker_id: WorkerId, body: Tags) -> Response:
    """The worker controller copies them to EC2."""
    return call.respond(
        await call.execute(TagWorkerCommand(call.principal, worker_id, body.tags, call.expected_version))
    )


@router.post("/{worker_id}/snooze", response_model=WorkerView, summary="Keep idle detection away")
@guard(Action.WORKER_OPERATE)
async def snooze(call: Call, worker_id: WorkerId, body: Snooze) -> Response:
    """Until an instant; null ends the snooze."""
    return call.respond(await call.execute(SnoozeWorkerCommand(call.principal, worker_id, body.until)))


@router.put("/{worker_id}/monitoring", response_model=WorkerView, summary="Switch detailed monitoring")
@guard(Action.WORKER_OPERATE)
async def monitoring(call: Call, worker_id: WorkerId, body: Monitoring) -> Response:
    """The worker controller tells EC2, which charges for seven metrics (us-east-1 list price: 0.30 US dollars each)."""
    return call.respond(
        await call.execute(MonitorWorkerCommand(call.principal, worker_id, body.detailed, call.expected_version))
    )


async def _ask(call: Call, worker_id: str, wish: WorkerWish, body: WorkerReason | None) -> Response:
    reason = body.reason if body else ""
    return call.respond(
        await call.execute(AskWorkerCommand(call.principal, worker_id, wish, reason, call.expected_version))
    )


@router.post("/{worker_id}/start", response_model=WorkerView, summary="Start a worker")
@guard(Action.WORKER_OPERATE)
async def start(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Wakes a stopped or failed worker."""
    return await _ask(call, worker_id, WorkerWish.START, body)


@router.post("/{worker_id}/stop", response_model=WorkerView, summary="Stop a worker")
@guard(Action.WORKER_OPERATE)
async def stop(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Refused while live or imminent sessions stand on it."""
    return await _ask(call, worker_id, WorkerWish.STOP, body)


@router.post("/{worker_id}/drain", response_model=WorkerView, summary="Drain a worker")
@guard(Action.WORKER_OPERATE)
async def drain(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """No new sessions; stops after the last one."""
    return await _ask(call, worker_id, WorkerWish.DRAIN, body)


@router.post("/{worker_id}/cancel-drain", response_model=WorkerView, summary="Cancel a drain")
@guard(Action.WORKER_OPERATE)
async def cancel_drain(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Takes sessions again."""
    return await _ask(call, worker_id, WorkerWish.CANCEL_DRAIN, body)


@router.post("/{worker_id}/terminate", response_model=WorkerView, summary="Terminate a worker")
@guard(Action.WORKER_TERMINATE)
async def terminate(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Labs are stopped and the licence is returned before the instance goes."""
    return await _ask(call, worker_id, WorkerWish.TERMINATE, body)


@router.post("/{worker_id}/force", response_model=WorkerView, summary="Allow sessions on a worker to be ended")
@guard(Action.WORKER_TERMINATE)
async def force(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """For a drain that is over time."""
    return await _ask(call, worker_id, WorkerWish.FORCE, body)


@router.post("/{worker_id}/refresh", response_model=WorkerView, summary="Look at the machine again")
@guard(Action.WORKER_OPERATE)
async def refresh(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """The worker controller observes it at once."""
    return await _ask(call, worker_id, WorkerWish.REFRESH, body)


@router.post("/{worker_id}/labs/refresh", response_model=WorkerView, summary="Read the labs again")
@guard(Action.WORKER_OPERATE)
async def labs_refresh(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """The lablet controller lists them at once."""
    return await _ask(call, worker_id, WorkerWish.LABS_REFRESH, body)


@router.post("/{worker_id}/license/register", response_model=WorkerView, summary="Register the license")
@guard(Action.WORKER_LICENSE)
async def license_register(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """With the token of the secret store."""
    return await _ask(call, worker_id, WorkerWish.LICENSE_REGISTER, body)


@router.post("/{worker_id}/license/deregister", response_model=WorkerView, summary="Return the license")
@guard(Action.WORKER_LICENSE)
async def license_deregister(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Refused while live or imminent sessions stand on the worker."""
    return await _ask(call, worker_id, WorkerWish.LICENSE_DEREGISTER, body)


@router.post("/{worker_id}/license/renew", response_model=WorkerView, summary="Renew the license")
@guard(Action.WORKER_LICENSE)
async def license_renew(call: Call, worker_id: WorkerId, body: WorkerReason | None = None) -> Response:
    """Renews its authorization."""
    return await _ask(call, worker_id, WorkerWish.LICENSE_RENEW, body)


@templates_router.post("", status_code=201, response_model=TemplateView, summary="Define a worker template")
@guard(Action.TEMPLATE_WRITE)
async def create_template(call: Call, body: TemplateSpec) -> Response:
    """Its name is its id."""
    made = await call.execute(CreateTemplateCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/worker-templates/{made.id}"})


@templates_router.get("", response_model=Page[TemplateView], summary="List worker templates")
@guard(Action.TEMPLATE_READ)
async def list_templates(call: Call, page: ListRequest = list_parameters(TEMPLATES, "Template")) -> Response:
    """All of them."""
    return call.respond(await call.execute(ListTemplatesQuery(call.principal, page)))


@templates_router.get("/{template_id}", response_model=TemplateView, summary="Look at a worker template")
@guard(Action.TEMPLATE_READ)
async def get_template(call: Call, template_id: TemplateId) -> Response:
    """The present specification."""
    return call.respond(await call.execute(GetTemplateQuery(call.principal, template_id)))


@templates_router.put("/{template_id}", response_model=TemplateView, summary="Revise a worker template")
@guard(Action.TEMPLATE_WRITE)
async def revise_template(call: Call, template_id: TemplateId, body: TemplateSpec) -> Response:
    """Workers keep what they were launched with."""
    return call.respond(
        await call.execute(ReviseTemplateCommand(call.principal, template_id, body, call.expected_version))
    )
