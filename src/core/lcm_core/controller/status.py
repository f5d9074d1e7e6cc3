"""What a controller process says of itself, for the status key in etcd and the control plane's controller page."""

from collections.abc import Callable, Iterable, Sequence

from lcm_core.contracts.platform import ControllerHeartbeat, KeyStatus
from lcm_core.controller.controller import Controller, KeyReport
from lcm_core.controller.leadership import Leadership
from lcm_core.domain.vocabulary import ServiceName

RECENT = 50
SENTENCE_LIMIT = 500


def heartbeat(
    service: ServiceName,
    identity: str,
    admin_url: str,
    leaderships: Sequence[Leadership],
    controllers: Sequence[Controller],
) -> ControllerHeartbeat:
    """The status now: sums over the controllers, and the newest ``RECENT`` reconciles of all of them."""
    return ControllerHeartbeat(
        service=service,
        identity=identity,
        leader_shards=sorted(leadership.shard for leadership in leaderships if leadership.term),
        term=max((leadership.term for leadership in leaderships), default=0),
        queue_depth=sum(controller.queue.depth for controller in controllers),
        in_flight=sum(len(controller.queue.running) for controller in controllers),
        reconciles_total=sum(controller.reconciles for controller in controllers),
        errors_total=sum(controller.errors for controller in controllers),
        admin_url=admin_url,
        recent=[_key_status(report) for report in _newest(controllers)],
    )


def _newest(controllers: Iterable[Controller]) -> list[KeyReport]:
    reports = [report for controller in controllers for report in controller.reports[:RECENT]]
    return sorted(reports, key=lambda report: report.at, reverse=True)[:RECENT]


def _key_status(report: KeyReport) -> KeyStatus:
    return KeyStatus(
        key=report.key,
        outcome=report.outcome.kind.value,
        reason=report.outcome.reason,
        sentence=report.outcome.sentence[:SENTENCE_LIMIT],
        at=report.at,
    )


StatusSource = Callable[[], ControllerHeartbeat]
