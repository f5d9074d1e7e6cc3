"""What is over holds nothing, and nothing is held by two."""

from collections import defaultdict
from collections.abc import Iterator

from control_plane_api.application.invariants.picture import Picture, Violation
from lcm_core.domain.vocabulary import LabPhase, SessionPhase, WorkerPhase

_ON_THE_WAY_OUT = frozenset({LabPhase.DELETED, LabPhase.DELETING})
_REACHABLE = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING})


def nothing_held(picture: Picture) -> Iterator[Violation]:
    """A terminated session has neither lab nor delivery session."""
    for session in picture.sessions.values():
        if session.phase is not SessionPhase.TERMINATED:
            continue
        held = [f"lab {session.cml_lab_id}"] if session.cml_lab_id else []
        held += ["its delivery session"] if session.user_session_id else []
        if held:
            sentence = f"Session {session.id} is terminated and still holds {' and '.join(held)}."
            yield Violation("nothing-held", session.id, sentence)


def labs_owned(picture: Picture) -> Iterator[Violation]:
    """No lab of a session that is over is left on a worker that can be reached."""
    for lab in picture.labs:
        worker = picture.workers.get(lab.worker_id)
        if not lab.session_id or lab.phase in _ON_THE_WAY_OUT or worker is None or worker.phase not in _REACHABLE:
            continue
        session = picture.sessions.get(lab.session_id)
        if session is None or session.phase is SessionPhase.TERMINATED:
            state = "does not exist" if session is None else "is over"
            sentence = (
                f"Lab {lab.cml_lab_id} on worker {lab.worker_id} is {lab.phase} for session {lab.session_id}, "
                f"which {state}."
            )
            yield Violation("lab-owned", lab.id, sentence)


def labs_unshared(picture: Picture) -> Iterator[Violation]:
    """No two sessions have the same lab."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for session in picture.sessions.values():
        if session.cml_lab_id and session.place is not None and session.phase is not SessionPhase.TERMINATED:
            owners[(session.place.worker_id, session.cml_lab_id)].append(session.id)
    for (worker_id, lab_id), ids in owners.items():
        if len(ids) > 1:
            sentence = f"Lab {lab_id} on worker {worker_id} belongs to sessions {' and '.join(sorted(ids))}."
            yield Violation("lab-unshared", f"{worker_id}/{lab_id}", sentence)


def quotas_count_the_living(picture: Picture) -> Iterator[Violation]:
    """No session that is over counts against a quota."""
    for quota, session_id in picture.counted:
        session = picture.sessions.get(session_id)
        if session is None or session.phase is SessionPhase.TERMINATED:
            sentence = f"Session {session_id} counts against {quota} and is over."
            yield Violation("quota-counts-living", f"{quota}/{session_id}", sentence)


def events_attached(picture: Picture) -> Iterator[Violation]:
    """No inbound event was accepted and then forgotten."""
    for event in picture.waiting_events:
        yield Violation("event-attached", event, f"Event {event} was accepted and no session has been told of it.")
