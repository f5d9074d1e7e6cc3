"""Every invariant by name.

A picture is not one snapshot, and some promises hold only a moment after a write (the claim is written before the
session that holds it). So each invariant has a grace in seconds of real time: a violation counts once it has been seen
for that long. Where nothing is under way, as after the quiescence of a test, every violation counts at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from control_plane_api.application.invariants import booking, leftovers, machines, paths, projection
from control_plane_api.application.invariants.picture import Picture, Violation

Check = Callable[[Picture], Iterable[Violation]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """``promise`` is what holds, in one sentence; ``grace_seconds`` is how long a change may be under way."""

    name: str
    promise: str
    check: Check
    grace_seconds: float = 0.0


UNDER_WAY = 60.0
"""Longer than the sweeper and the dispatcher need to complete what a crash interrupted."""
CONTROLLERS = 600.0
"""Longer than the controllers need to see that a worker is gone."""
LABS = 3600.0
"""Labs are read again at least every half hour, unless the settings say otherwise."""

INVARIANTS: tuple[Invariant, ...] = (
    Invariant("session-path", "Sessions move along their table only.", paths.session_paths),
    Invariant("session-outcome", "Each session ends in exactly one outcome.", paths.session_outcomes),
    Invariant("session-place", "A session has a place while its phase needs one.", paths.session_places),
    Invariant("session-ends", "No session outlives its slot by hours.", paths.session_ends, UNDER_WAY),
    Invariant("signal-once", "A session learns of each inbound event once.", paths.signals_once),
    Invariant("event-attached", "Each accepted inbound event is attached.", leftovers.events_attached, UNDER_WAY),
    Invariant("claims-fit", "Claims stay within the capacity of their worker.", booking.claims_fit, UNDER_WAY),
    Invariant("ports-unique", "A port of a worker has one holder at a time.", booking.ports_unique, UNDER_WAY),
    Invariant("claim-held", "Each claim is held by a living session.", booking.claims_held, UNDER_WAY),
    Invariant("place-claimed", "Each place is covered by its claim.", booking.places_claimed, UNDER_WAY),
    Invariant("place-exists", "No session is placed on a worker that is gone.", booking.places_exist, CONTROLLERS),
    Invariant("worker-path", "Workers move along their table only.", paths.worker_paths),
    Invariant("instance-once", "Each worker has its own instance.", machines.instances_once, UNDER_WAY),
    Invariant("need-once", "Each need is answered with one worker.", machines.needs_once),
    Invariant("worker-gone", "A terminated worker has given everything back.", machines.gone_is_gone),
    Invariant("nothing-held", "A terminated session holds nothing.", leftovers.nothing_held),
    Invariant("lab-owned", "No lab outlives its session.", leftovers.labs_owned, LABS),
    Invariant("lab-unshared", "No two sessions share a lab.", leftovers.labs_unshared, UNDER_WAY),
    Invariant("quota-counts-living", "Quotas count living sessions.", leftovers.quotas_count_the_living, UNDER_WAY),
    Invariant("document-readable", "Every stored document can be read.", projection.documents_readable),
    Invariant(
        "etcd-equals-database", "etcd shows what the database holds.", projection.etcd_equals_database, UNDER_WAY
    ),
    Invariant("etcd-summaries-only", "etcd holds summaries, never secrets.", projection.summaries_only),
)
BY_NAME = {invariant.name: invariant for invariant in INVARIANTS}


def violations(picture: Picture) -> list[Violation]:
    """Every counter-example in a picture, in the order of the catalog."""
    return [violation for invariant in INVARIANTS for violation in invariant.check(picture)]
