"""What the handlers need of the outside: stores, claims, secrets, artifacts and the clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import SecretStr

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.capacity.cost_source import CostSource
from control_plane_api.application.inbound_store import InboundStore
from control_plane_api.application.invariants.standing import PictureSource, StandingStore
from control_plane_api.domain.deadlines import DeadlineSettings
from control_plane_api.domain.definition.definition import LabletDefinition
from control_plane_api.domain.lab_record.lab_record import LabRecord
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.quota.quota import Quota
from control_plane_api.domain.settings.settings import PlatformSettings
from control_plane_api.domain.task.task import Task
from control_plane_api.domain.worker.claim_check import ClaimLimits, ClaimRefusal
from control_plane_api.domain.worker.rollup import Resolution
from control_plane_api.domain.worker.template import WorkerTemplate
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.kernel.aggregate import Resource
from lcm_core.clock import Clock
from lcm_core.contracts.administration import JobLast, JobRunView
from lcm_core.contracts.claims import ClaimChanges, ClaimView
from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import ArtifactView
from lcm_core.contracts.outbound import DeadLetterView
from lcm_core.contracts.platform import ControllerHeartbeat, ControllerView, ObtainTerm
from lcm_core.contracts.sessions import (
    GradingSessionView,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ScoreReportView,
    SessionSecrets,
    UserSessionView,
)
from lcm_core.contracts.workers import WorkerMetrics

AggregateT = TypeVar("AggregateT", bound=Resource[Any, Any])


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A bounded page: equality filters on stored paths, a sort path and a keyset cursor."""

    filters: Mapping[str, object] = field(default_factory=dict)
    sort: str = "created_at"
    descending: bool = True
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ListPage(Generic[AggregateT]):
    """One page of aggregates; ``total`` counts all that match, up to the store's bound."""

    items: list[AggregateT]
    next_cursor: str
    total: int | None


class Store(Protocol[AggregateT]):
    """Aggregates of one kind with optimistic concurrency."""

    async def find(self, resource_id: str) -> AggregateT | None:
        """The aggregate, or None."""

    async def get(self, resource_id: str) -> AggregateT:
        """The aggregate. Raises ``NotFoundError``."""

    async def get_many(self, resource_ids: Sequence[str]) -> dict[str, AggregateT]:
        """Those of the aggregates that exist, by id."""

    async def add(self, aggregate: AggregateT) -> bool:
        """Store a new aggregate; False when the id is taken (nothing is written then)."""

    async def update(
        self,
        resource_id: str,
        mutate: Callable[[AggregateT], object],
        *,
        expected_version: int | None = None,
    ) -> AggregateT:
        """Load, change and save, again after a concurrent write; nothing is written when no event was recorded.

        Raises ``NotFoundError``; ``PreconditionError`` when ``expected_version`` is given and differs.
        """

    async def list(self, query: ListQuery) -> ListPage[AggregateT]:
        """One page."""

    async def remove(self, resource_id: str) -> bool:
        """Purge an aggregate and its projection; False when it was not there."""


class ClaimStore(Protocol):
    """Capacity and ports over time; the last word against double booking."""

    async def acquire(
        self, worker_id: str, limits: ClaimLimits, claims: Sequence[ClaimView]
    ) -> list[ClaimRefusal | None]:
        """Claim on one worker, each item on its own; a claim id that is already held with the same interval is fine."""

    async def extend(self, claim: ClaimView, limits: ClaimLimits, end: datetime) -> ClaimRefusal | None:
        """Move the end of a held claim to a later time."""

    async def release(self, worker_id: str, claim_id: str) -> bool:
        """Let go of a claim wherever it stands; False when it was not held."""

    async def of_worker(self, worker_id: str, start: datetime, end: datetime | None) -> list[ClaimView]:
        """Claims of a worker that touch ``[start, end)``; an open end means everything later."""

    async def held_after(self, instant: datetime) -> list[ClaimView]:
        """Every claim of every worker that ends after an instant, each once."""

    async def forget_before(self, instant: datetime) -> int:
        """Delete days that were over by then; answers how many."""

    async def changes(self, cursor: str) -> ClaimChanges:
        """Claim days changed since a cursor."""


class Bookings(Protocol):
    """Reservations by time."""

    async def booked(self, window: Slot) -> list[tuple[Slot, Resources]]:
        """Slots and needs of all booked sessions that may touch a window; some beside it may be among them."""


class QuotaUsage(Protocol):
    """Which sessions count against which limit."""

    async def hold(self, key: str, session_id: str, limit: int) -> bool:
        """Count a session unless ``limit`` are counted already; True also when it was counted before."""

    async def release(self, session_id: str, keys: Sequence[str]) -> None:
        """Count it no more; harmless when it was not."""

    async def used(self, keys: Sequence[str]) -> dict[str, int]:
        """How many sessions count against each limit."""

    async def holders(self) -> list[tuple[str, str]]:
        """Every counted session: limit and session id."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets there are, how many were sealed again, and how many no configured key opens."""

    seen: int
    renewed: int
    unreadable: int


class ChildStore(Protocol):
    """Children of sessions: one user session, one grading session, one score report each."""

    async def put_user_session(self, session_id: str, body: PutUserSession, now: datetime) -> UserSessionView:
        """Create or change the user session; secrets are encrypted."""

    async def user_session(self, session_id: str) -> UserSessionView | None:
        """The user session without secrets."""

    async def reseal(self) -> Resealed:
        """Seal with the newest key what an older one sealed."""

    async def secrets(self, session_id: str) -> SessionSecrets | None:
        """Launch URL and device credentials in clear."""

    async def put_grading_session(self, session_id: str, body: PutGradingSession, now: datetime) -> GradingSessionView:
        """Create or change the grading session."""

    async def grading_session(self, session_id: str) -> GradingSessionView | None:
        """The grading session."""

    async def put_score_report(self, session_id: str, body: PutScoreReport, now: datetime) -> ScoreReportView:
        """Store the report; the first one stays."""

    async def score_report(self, session_id: str) -> ScoreReportView | None:
        """The stored report."""


class ArtifactStore(Protocol):
    """Uploaded files."""

    async def put(self, filename: str, content_type: str, content: bytes, owner: str, now: datetime) -> ArtifactView:
        """Store a file."""

    async def find(self, artifact_id: str) -> ArtifactView | None:
        """Its description."""

    async def content(self, artifact_id: str) -> bytes | None:
        """Its bytes."""

    async def keep(self, artifact_id: str) -> None:
        """It was taken by a definition: do not expire it."""

    async def keep_until(self, artifact_id: str, instant: datetime) -> None:
        """Let it expire at another time."""

    async def expire(self, now: datetime) -> int:
        """Delete what nobody took in time; answers how many."""


class MetricsStore(Protocol):
    """Metrics samples of workers."""

    async def record(self, worker_id: str, sample: WorkerMetrics) -> None:
        """Store a sample and show it; the number of running labs is filled in where the sample lacks it."""

    async def latest(self, worker_ids: Sequence[str]) -> dict[str, WorkerMetrics]:
        """The newest sample of each worker."""

    async def history(self, worker_id: str, since: datetime, limit: int, resolution: Resolution) -> list[WorkerMetrics]:
        """The newest samples or means of a worker, oldest first."""


class Broadcasts(Protocol):
    """Events of the moment for whoever watches."""

    async def send(self, kind: str, payload: Mapping[str, object], *, owner: str = "", department: str = "") -> bool:
        """Tell every live stream, or only those of one person; False when nobody could be told just now."""


class SecretVault(Protocol):
    """Platform secrets: CML credentials and licence tokens."""

    async def read(self, name: str) -> str:
        """The secret in clear, or an empty string."""

    async def reseal(self) -> Resealed:
        """Seal with the newest key what an older one sealed."""


class TermStore(Protocol):
    """Terms of leaders (ruling 2)."""

    async def obtain(self, request: ObtainTerm) -> int:
        """The term of a won election. Raises ``ConflictError``."""

    async def check(self, service: str, shard: int, term: int) -> None:
        """Raise ``ConflictError`` for a stale term."""


class ControllerStore(Protocol):
    """What the replicas of controllers said last."""

    async def record(self, heartbeat: ControllerHeartbeat) -> None:
        """Keep the newest heartbeat of a replica."""

    async def all(self) -> list[ControllerView]:
        """Every replica heard of lately, by service and identity."""


class Locks(Protocol):
    """Orders work among replicas."""

    async def hold(self, name: str, seconds: float) -> bool:
        """Take or renew a lock; False while another process holds it."""


class JobStore(Protocol):
    """When jobs ran and what they did."""

    async def due(self, intervals: Mapping[str, int]) -> set[str]:
        """Which of these jobs, with their intervals in seconds, a claim may get now."""

    async def claim(self, name: str, interval_seconds: int) -> bool:
        """Whether the caller is the one to run a job that is due now."""

    async def finish(self, name: str, result: str, message: str) -> None:
        """Record the run."""

    async def request(self, name: str) -> None:
        """Make the job due."""

    async def all(self) -> dict[str, JobLast]:
        """The last run of each job that has one."""

    async def runs(self, name: str, limit: int) -> list[JobRunView]:
        """Runs of a job, newest first."""


class DeadLetters(Protocol):
    """Events that could not be delivered."""

    async def list(self, limit: int) -> list[DeadLetterView]:
        """The newest ones."""

    async def retry(self, event_id: str) -> bool:
        """Send one again; False when it is not a dead letter."""


class PasswordChecker(Protocol):
    """Knows people's passwords."""

    async def check(self, username: str, password: SecretStr) -> Principal:
        """Who it is. Raises ``UnauthenticatedError``."""


class TokenIssuer(Protocol):
    """Issues the platform's own tokens."""

    @property
    def life_seconds(self) -> int:
        """How long a token is valid."""

    def issue(self, principal: Principal) -> str:
        """A token for a caller who proved who it is."""


class Revoker(Protocol):
    """Ends everything a user is signed in with."""

    async def revoke(self, user_id: str) -> None:
        """Refuse what was issued until now."""


class LoginThrottle(Protocol):
    """Slows guessing down."""

    async def check(self, username: str, address: str) -> None:
        """Raise ``ThrottledError`` after too many failures."""

    async def failed(self, username: str, address: str) -> None:
        """Count a failure."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the handlers use."""

    sessions: Store[LabletSession]
    workers: Store[Worker]
    templates: Store[WorkerTemplate]
    definitions: Store[LabletDefinition]
    lab_records: Store[LabRecord]
    tasks: Store[Task]
    settings: Store[PlatformSettings]
    quotas: Store[Quota]
    claims: ClaimStore
    bookings: Bookings
    costs: CostSource
    quota_usage: QuotaUsage
    children: ChildStore
    inbound: InboundStore
    artifacts: ArtifactStore
    metrics: MetricsStore
    broadcasts: Broadcasts
    vault: SecretVault
    pictures: PictureSource
    standing: StandingStore
    clock: Clock
    limits: DeadlineSettings


__all__ = [
    "ArtifactStore",
    "Bookings",
    "Broadcasts",
    "ChildStore",
    "ClaimLimits",
    "ClaimRefusal",
    "ClaimStore",
    "ControllerStore",
    "DeadLetters",
    "Deps",
    "InboundStore",
    "JobStore",
    "ListPage",
    "ListQuery",
    "Locks",
    "LoginThrottle",
    "MetricsStore",
    "PasswordChecker",
    "QuotaUsage",
    "Resealed",
    "Revoker",
    "SecretVault",
    "Store",
    "TermStore",
    "TokenIssuer",
]
