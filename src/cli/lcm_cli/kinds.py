"""The kinds the command line knows: where they are, what their tables show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from lcm_cli.errors import CliError, ExitCode
from lcm_cli.output import age, percent
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.platform import AuditEntryView, ControllerView, TaskView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import LabRecordView, TemplateView, WorkerView

Cell = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class KindInfo:
    """One kind.

    ``columns`` maps headings to what is shown. ``event`` is its word in the event stream, empty when it has no events.
    ``single`` tells whether one object can be read by its id.
    """

    name: str
    aliases: Sequence[str]
    path: str
    view: type[BaseModel]
    columns: Mapping[str, Cell]
    event: str = ""
    single: bool = True


def _slot(session: SessionView) -> str:
    placement = session.status.placement
    slot = placement.booked if placement is not None else session.spec.slot
    return f"{slot.start:%m-%d %H:%M}-{slot.end:%H:%M}Z"


def _worker_of(session: SessionView) -> str:
    placement = session.status.placement
    return (placement.worker_name or placement.worker_id) if placement is not None else "-"


def _why(session: SessionView) -> str:
    status = session.status
    if status.phase == "pending" and status.explanation is not None:
        return status.explanation.message
    return status.message


def _score(session: SessionView) -> str:
    score = session.status.score
    return "-" if score is None else f"{score.score:g}/{score.max_score:g}"


KINDS: tuple[KindInfo, ...] = (
    KindInfo(
        "workers",
        ("worker", "w"),
        "/api/workers",
        WorkerView,
        {
            "name": lambda w: w.spec.name,
            "id": lambda w: w.id,
            "phase": lambda w: w.status.phase,
            "region": lambda w: w.spec.region,
            "type": lambda w: w.spec.instance_type,
            "cml": lambda w: w.status.cml.version or "-",
            "license": lambda w: w.status.license.status,
            "cpu": lambda w: percent(w.metrics.cpu_percent if w.metrics else None),
            "age": lambda w: age(w.created_at),
            "message": lambda w: w.status.message,
        },
        "worker",
    ),
    KindInfo(
        "sessions",
        ("session", "s", "lablet-sessions"),
        "/api/lablet-sessions",
        SessionView,
        {
            "id": lambda s: s.id,
            "lab": lambda s: f"{s.spec.definition_name} {s.spec.definition_version}",
            "owner": lambda s: s.spec.owner,
            "phase": lambda s: s.status.phase,
            "slot": _slot,
            "worker": _worker_of,
            "outcome": lambda s: s.status.outcome or "-",
            "score": _score,
            "message": _why,
        },
        "session",
    ),
    KindInfo(
        "definitions",
        ("definition", "d", "lablet-definitions"),
        "/api/lablet-definitions",
        DefinitionView,
        {
            "name": lambda d: d.spec.name,
            "version": lambda d: d.spec.semantic_version,
            "id": lambda d: d.id,
            "phase": lambda d: d.status.phase,
            "nodes": lambda d: str(d.status.content.node_count) if d.status.content else "-",
            "title": lambda d: d.spec.title,
            "message": lambda d: d.status.message,
        },
        "definition",
    ),
    KindInfo(
        "templates",
        ("template", "t", "worker-templates"),
        "/api/worker-templates",
        TemplateView,
        {
            "name": lambda t: t.spec.name,
            "id": lambda t: t.id,
            "type": lambda t: t.spec.instance_type,
            "cores": lambda t: str(t.spec.capacity.cores),
            "nodes": lambda t: str(t.spec.capacity.nodes),
            "regions": lambda t: ",".join(t.spec.regions),
            "usd/h": lambda t: f"{t.spec.hourly_cost_usd:.2f}",
            "enabled": lambda t: "yes" if t.spec.enabled else "no",
        },
        "template",
    ),
    KindInfo(
        "labs",
        ("lab", "lab-records"),
        "/api/lab-records",
        LabRecordView,
        {
            "title": lambda r: r.spec.title,
            "id": lambda r: r.id,
            "worker": lambda r: r.spec.worker_id,
            "phase": lambda r: r.status.phase,
            "source": lambda r: r.spec.source,
            "session": lambda r: r.spec.session_id or "-",
            "nodes": lambda r: str(r.status.node_count),
            "message": lambda r: r.status.last_error or r.status.message,
        },
        "lab_record",
    ),
    KindInfo(
        "tasks",
        ("task",),
        "/api/tasks",
        TaskView,
        {
            "id": lambda t: t.id,
            "title": lambda t: t.spec.title,
            "severity": lambda t: t.spec.severity,
            "state": lambda t: t.status.phase,
            "assignee": lambda t: t.spec.assignee or "-",
            "age": lambda t: age(t.created_at),
        },
        "task",
    ),
    KindInfo(
        "controllers",
        ("controller",),
        "/api/controllers",
        ControllerView,
        {
            "service": lambda c: c.service,
            "identity": lambda c: c.identity,
            "alive": lambda c: "yes" if c.alive else "no",
            "leads": lambda c: ",".join(str(shard) for shard in c.leader_shards) or "-",
            "term": lambda c: str(c.term),
            "queue": lambda c: str(c.queue_depth),
            "errors": lambda c: str(c.errors_total),
            "seen": lambda c: age(c.seen_at),
        },
        single=False,
    ),
    KindInfo(
        "audit",
        (),
        "/api/audit",
        AuditEntryView,
        {
            "at": lambda a: f"{a.at:%Y-%m-%d %H:%M:%S}Z",
            "actor": lambda a: a.actor,
            "command": lambda a: a.command,
            "target": lambda a: f"{a.target_kind}/{a.target_id}" if a.target_id else "-",
            "result": lambda a: a.result,
            "reason": lambda a: a.reason,
        },
        single=False,
    ),
)

_BY_NAME = {name: kind for kind in KINDS for name in (kind.name, *kind.aliases)}


def kind_of(name: str) -> KindInfo:
    """The kind of that name. Raises ``CliError`` listing the known ones."""
    found = _BY_NAME.get(name.lower())
    if found is None:
        known = ", ".join(kind.name for kind in KINDS)
        raise CliError(f"there is no kind {name!r}; known are {known}", ExitCode.USAGE)
    return found


def complete_kind(incomplete: str) -> list[str]:
    """Names that begin like this, for the shell."""
    return [kind.name for kind in KINDS if kind.name.startswith(incomplete)]
