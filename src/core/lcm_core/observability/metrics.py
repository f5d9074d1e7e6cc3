"""Prometheus metrics of the controller runtime, in the process's default registry.

Names start with ``lcm_``; labels are bounded (names of services, controllers and outcomes, never keys).
"""

import weakref
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

QUEUE_DEPTH = Gauge("lcm_queue_depth", "Keys waiting to be reconciled", ["controller"])
QUEUE_DELAYED = Gauge("lcm_queue_delayed", "Keys waiting for a timer", ["controller"])
QUEUE_OLDEST = Gauge("lcm_queue_oldest_seconds", "Age of the key that waits longest", ["controller"])
QUEUE_WAIT = Histogram("lcm_queue_wait_seconds", "From enqueued to picked up", ["controller"], buckets=_FAST)
RECONCILE_SECONDS = Histogram(
    "lcm_reconcile_seconds", "Duration of one reconcile", ["controller", "outcome"], buckets=_FAST
)
RECONCILE_CRASHES = Counter("lcm_reconcile_crashes_total", "Reconciles that raised unexpectedly", ["controller"])
BARRIER_TIMEOUTS = Counter(
    "lcm_barrier_timeouts_total", "Decisions taken although an own write was not seen yet", ["controller"]
)
IN_FLIGHT = Gauge("lcm_reconciles_in_flight", "Reconciles running now", ["controller"])
INFORMER_OBJECTS = Gauge("lcm_informer_objects", "Objects in an informer's cache", ["informer"])
INFORMER_LISTS = Counter("lcm_informer_lists_total", "Full lists by cause", ["informer", "cause"])
INFORMER_RECONNECTS = Counter("lcm_informer_reconnects_total", "Watches that broke", ["informer"])
INFORMER_MALFORMED = Counter("lcm_informer_malformed_total", "Values that could not be read", ["informer"])
LEADER = Gauge("lcm_leader", "1 while this process leads the shard", ["service", "shard"])
LEADER_TERM = Gauge("lcm_leader_term", "Term of the current leadership", ["service", "shard"])
LEADER_LOSSES = Counter("lcm_leader_losses_total", "Leaderships that ended against our will", ["service", "shard"])


def watch_age(controller: str, age: Callable[[], float]) -> None:
    """Compute ``lcm_queue_oldest_seconds`` when scraped, for as long as the bound method's object lives."""
    reference = weakref.WeakMethod(age) if hasattr(age, "__self__") else None

    def read() -> float:
        method = reference() if reference is not None else age
        return method() if method is not None else 0.0

    QUEUE_OLDEST.labels(controller).set_function(read)


def render_metrics() -> tuple[bytes, str]:
    """The exposition text and its content type for ``/metrics``."""
    return generate_latest(), CONTENT_TYPE_LATEST
