"""What a session costs: its share of its worker, from the first step of the build to the end.

The share is the largest part that the session takes of any resource, since what is left of the others nobody can use
without it. An idle machine between sessions is the fleet's cost, not a session's.
"""

from datetime import datetime, timedelta

from lcm_core.contracts.common import Resources
from lcm_core.domain.session_states import SESSION_PHASES_LIVE
from lcm_core.domain.vocabulary import SessionPhase

AMOUNTS = ("cores", "memory_mb", "storage_gb", "nodes")


def hourly_share(wanted: Resources, capacity: Resources, worker_hourly_usd: float) -> float:
    """US dollars an hour of a session on a worker; never more than the worker costs."""
    shares = [getattr(wanted, name) / getattr(capacity, name) for name in AMOUNTS if getattr(capacity, name) > 0]
    return round(worker_hourly_usd * min(1.0, max(shares, default=1.0)), 4)


def charged(phase: SessionPhase, hourly_usd: float, since: datetime, now: datetime) -> float:
    """US dollars of the time in one phase."""
    if phase not in SESSION_PHASES_LIVE:
        return 0.0
    return max(0.0, hourly_usd * ((now - since) / timedelta(hours=1)))
