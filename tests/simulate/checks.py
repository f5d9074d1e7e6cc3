"""What must hold at every write, whatever fails: the promises of the platform as code."""

from collections.abc import Callable, Mapping
from typing import Any

from control_plane_api.domain.worker.claim_check import AMOUNTS
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import Resources
from lcm_core.domain import SESSION_STATES, WORKER_STATES
from lcm_core.domain.state_table import StateTable
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from tests.simulate.database import Database
from tests.simulate.documents import Document
from tests.simulate.etcd import Etcd
from tests.simulate.machines import Violation

VERSION_END = 20
"""A projection starts with ``{"v":"`` and twelve digits."""


class Guard:
    """Looks at every write at its instant and raises ``Violation``; the run keeps the first."""

    def __init__(self, database: Database, etcd: Etcd) -> None:
        self._database = database
        self.violation: Violation | None = None
        self.checked = 0
        database.watch(self._wrote)
        etcd.observe(self._put)

    def _wrote(self, name: str, before: Document | None, after: Document | None) -> None:
        check = _CHECKS.get(name)
        if check is None:
            return
        self.checked += 1
        try:
            check(self, before, after)
        except Violation as violation:
            self.note(violation)

    def note(self, violation: Violation) -> None:
        """Keep the first violation: what raises it may be caught by the platform."""
        self.violation = self.violation or violation

    def _put(self, key: str, before: bytes | None, after: bytes | None) -> None:
        if key.startswith("/lcm/") and before and after and after[:VERSION_END] < before[:VERSION_END]:
            self.note(Violation(f"{key} went back from {before[:VERSION_END]!r} to {after[:VERSION_END]!r} in etcd"))

    # Aggregates ------------------------------------------------------------------------------------------------

    def session(self, before: Document | None, after: Document | None) -> None:
        """A session moves along its table, ends once, with one outcome."""
        _moves("session", SESSION_STATES, SessionPhase, before, after)
        if before is None or after is None:
            if before is not None:
                raise Violation(f"session {before['_id']} disappeared")
            return
        name, was, now = after["_id"], before["status"], after["status"]
        if was["outcome"] and was["outcome"] != now["outcome"]:
            raise Violation(f"session {name} had outcome {was['outcome']} and now has {now['outcome']}")
        if now["phase"] == SessionPhase.TERMINATED and not now["outcome"]:
            raise Violation(f"session {name} ended without an outcome")
        if now["phase"] == SessionPhase.TERMINATED and now["lab"]:
            raise Violation(f"session {name} ended and still names lab {now['lab']['cml_lab_id']}")

    def worker(self, before: Document | None, after: Document | None) -> None:
        """A worker moves along its table."""
        _moves("worker", WORKER_STATES, WorkerPhase, before, after)

    def claims(self, _: Document | None, after: Document | None) -> None:
        """Claims never exceed what the worker declares, and no port is claimed twice at one instant."""
        if after is None:
            return
        worker = self._database.documents("workers").get(after["worker_id"])
        if worker is None:
            raise Violation(f"claims were taken on worker {after['worker_id']}, which does not exist")
        held = [ClaimView.model_validate(each) for each in after["claims"]]
        offered = Resources.model_validate(worker["status"]["capacity"])
        for claim in held:
            present = [other for other in held if other.start <= claim.start < other.end]
            for amount in AMOUNTS:
                used = sum(getattr(other.resources, amount) for other in present)
                if used > getattr(offered, amount):
                    raise Violation(
                        f"worker {after['worker_id']} has {getattr(offered, amount)} {amount} and "
                        f"{used} are claimed at {claim.start.isoformat()}"
                    )
            ports = [port for other in present for port in other.ports.values()]
            if len(ports) != len(set(ports)):
                raise Violation(f"a port of worker {after['worker_id']} is claimed twice at {claim.start.isoformat()}")

    def score(self, before: Document | None, after: Document | None) -> None:
        """A score report is immutable."""
        if before is not None and before != after:
            raise Violation(f"the score report of session {before['_id']} was changed")


def _moves(
    word: str,
    table: StateTable[Any],
    phases: Callable[[str], Any],
    before: Document | None,
    after: Document | None,
) -> None:
    if after is None:
        return
    now = phases(after["status"]["phase"])
    if before is None:
        if now not in table.initial:
            raise Violation(f"{word} {after['_id']} began as {now}")
        return
    was = phases(before["status"]["phase"])
    if was is not now and not table.allows(was, now):
        raise Violation(f"{word} {after['_id']} went from {was} to {now}, which the table does not list")
    if after["version"] not in (before["version"], before["version"] + 1):
        raise Violation(f"{word} {after['_id']} went from version {before['version']} to {after['version']}")
    same = before["spec"] == after["spec"] and before["status"] == after["status"]
    if after["version"] == before["version"] and not same:
        raise Violation(f"{word} {after['_id']} changed without a new version {after['version']}")


_CHECKS: Mapping[str, Callable[[Guard, Document | None, Document | None], None]] = {
    "sessions": Guard.session,
    "workers": Guard.worker,
    "claims": Guard.claims,
    "score_reports": Guard.score,
}
