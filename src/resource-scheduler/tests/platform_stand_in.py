"""A small control plane for tests of the scheduler: real HTTP, real etcd, state in memory.

It validates every claim by looking at each instant by itself, independently of the scheduler's own arithmetic, and
projects what changes into etcd as the real one does.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from lcm_core.contracts.claims import ClaimChanges, ClaimDay, ClaimView
from lcm_core.contracts.common import BulkItemResult, BulkResult, Page, Written
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.platform import ObtainTerm
from lcm_core.contracts.sessions import (
    ExplanationBatch,
    Placement,
    PlacementBatch,
    PlacementBatchResult,
    PlacementResult,
    PlaceSession,
    SessionView,
    TransitionSession,
    UnscheduleSession,
)
from lcm_core.contracts.workers import ScaleUpBatch, SetWorkerDesired, TemplateView, WorkerView
from lcm_core.domain.vocabulary import SessionPhase, WorkerDesired
from lcm_core.etcd import EtcdClient, StateSummary, encode_state, object_key
from lcm_simulators.embedded.process import free_port

REALM = "/realms/lablet-cloud-manager"
Aggregate = SessionView | WorkerView | TemplateView | DefinitionView


def days_of(claim: ClaimView) -> list[str]:
    """UTC days a claim touches."""
    day, last = claim.start.date(), (claim.end - timedelta(microseconds=1)).date()
    return [(day + timedelta(days=step)).isoformat() for step in range((last - day).days + 1)]


def breach(claims: Iterable[ClaimView], worker: WorkerView) -> str:
    """The first instant at which claims together exceed a worker, in words; empty when there is none."""
    held = list(claims)
    for moment in sorted({claim.start for claim in held}):
        present = [claim for claim in held if claim.start <= moment < claim.end]
        for name in ("cores", "memory_mb", "storage_gb", "nodes"):
            total = sum(getattr(claim.resources, name) for claim in present)
            if total > getattr(worker.status.capacity, name):
                return f"{name} exceeded at {moment}"
        ports = [port for claim in present for port in claim.ports.values()]
        if len(ports) != len(set(ports)):
            return f"a port is held twice at {moment}"
        allowed = worker.spec.port_range
        if any(not allowed.low <= port <= allowed.high for port in ports):
            return "a port is out of range"
    return ""


class StandIn:
    """State and endpoints. ``refuse_places`` makes the next placements fail, ``calls`` counts requests by path."""

    def __init__(self, etcd: EtcdClient, url: str) -> None:
        self.url = url
        self._etcd = etcd
        self.objects: dict[str, dict[str, Aggregate]] = {
            "sessions": {},
            "workers": {},
            "templates": {},
            "definitions": {},
            "lab-records": {},
        }
        self.claims: dict[str, dict[str, ClaimView]] = {}
        self.day_versions: dict[tuple[str, str], tuple[int, int]] = {}
        self.changes = 0
        self.term = 0
        self.terms_seen: list[str] = []
        self.refuse_places = 0
        self.places_go_on = asyncio.Event()
        self.places_go_on.set()
        self.places_begun = 0
        self.made_workers: list[str] = []
        self.now: datetime = datetime.now(UTC)
        self._key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.app = FastAPI()
        self._routes()

    # State -----------------------------------------------------------------------------------------------------

    async def put(self, collection: str, view: Aggregate) -> None:
        """Store an object and project it."""
        self.objects[collection][view.id] = view
        refs: dict[str, str] = {}
        phase = getattr(view.status, "phase", "") or ""
        if isinstance(view, SessionView):
            refs = {"definition": view.spec.definition_id}
            if view.status.placement is not None:
                refs["worker"] = view.status.placement.worker_id
        summary = StateSummary(view.version, view.generation, str(phase), refs=refs)
        await self._etcd.put(object_key(collection, view.id), encode_state(summary))

    async def change(self, collection: str, object_id: str, *, spec: bool = False, **fields: object) -> Aggregate:
        """Change fields of the status (or the spec), count the version and project."""
        view = self.objects[collection][object_id]
        part = view.spec if spec else view.status
        changed = part.model_copy(update=fields)
        update = {"version": view.version + 1, "spec" if spec else "status": changed}
        if spec:
            update["generation"] = view.generation + 1
        fresh = view.model_copy(update=update)
        await self.put(collection, fresh)
        return fresh

    def session(self, session_id: str) -> SessionView:
        """One session."""
        view = self.objects["sessions"][session_id]
        assert isinstance(view, SessionView)
        return view

    def worker(self, worker_id: str) -> WorkerView:
        """One worker."""
        view = self.objects["workers"][worker_id]
        assert isinstance(view, WorkerView)
        return view

    def breaches(self) -> list[str]:
        """Every violated limit on any worker."""
        found = []
        for worker_id, claims in self.claims.items():
            fault = breach(claims.values(), self.worker(worker_id))
            if fault:
                found.append(f"{worker_id}: {fault}")
        return found

    def phases(self) -> dict[str, int]:
        """How many sessions stand in which phase."""
        counts: dict[str, int] = {}
        for view in self.objects["sessions"].values():
            assert isinstance(view, SessionView)
            counts[view.status.phase.value] = counts.get(view.status.phase.value, 0) + 1
        return counts

    def _touch_days(self, claim: ClaimView) -> None:
        for day in days_of(claim):
            self.changes += 1
            version, _ = self.day_versions.get((claim.worker_id, day), (0, 0))
            self.day_versions[(claim.worker_id, day)] = (version + 1, self.changes)

    def hold(self, claim: ClaimView) -> None:
        """Store a claim as it is."""
        self.claims.setdefault(claim.worker_id, {})[claim.claim_id] = claim
        self._touch_days(claim)

    def release(self, worker_id: str, claim_id: str) -> None:
        """Remove a claim."""
        claim = self.claims.get(worker_id, {}).pop(claim_id, None)
        if claim is not None:
            self._touch_days(claim)

    # Endpoints -------------------------------------------------------------------------------------------------

    def _routes(self) -> None:
        app = self.app
        app.get(f"{REALM}/protocol/openid-connect/certs")(self.certs)
        app.post(f"{REALM}/protocol/openid-connect/token")(self.token)
        app.post("/api/internal/terms")(self.terms)
        app.post("/api/internal/controllers/heartbeat", status_code=204)(self.heartbeat)
        app.get("/api/internal/claims")(self.claim_changes)
        app.post("/api/internal/placements:batch", response_model=None)(self.place)
        app.post("/api/internal/explanations:batch")(self.explain)
        app.post("/api/internal/sessions/{session_id}/unschedule")(self.unschedule)
        app.post("/api/internal/sessions/{session_id}/transition")(self.transition)
        app.post("/api/internal/workers:scale-up")(self.scale_up)
        app.post("/api/internal/workers/{worker_id}/desired")(self.desired)
        for path, collection in (
            ("lablet-sessions", "sessions"),
            ("workers", "workers"),
            ("worker-templates", "templates"),
            ("lablet-definitions", "definitions"),
            ("lab-records", "lab-records"),
        ):
            self._reads(path, collection)

    def _reads(self, path: str, collection: str) -> None:
        async def one(object_id: str) -> Aggregate:
            try:
                return self.objects[collection][object_id]
            except KeyError:
                raise HTTPException(404) from None

        async def many(phase: str = "", cursor: str = "", limit: int = 50) -> Page[Aggregate]:
            phases = set(phase.split(",")) if phase else None
            found = [
                view
                for view in self.objects[collection].values()
                if phases is None or getattr(view.status, "phase", None) in phases
            ]
            first = int(cursor or 0)
            following = str(first + limit) if len(found) > first + limit else ""
            return Page[Aggregate].model_construct(items=found[first : first + limit], next_cursor=following)

        self.app.get(f"/api/{path}/{{object_id}}", response_model=None)(one)
        self.app.get(f"/api/{path}", response_model=None)(many)

    async def certs(self) -> dict[str, object]:
        """Keys of the identity provider."""
        return {"keys": [self._key.as_dict(private=False)]}

    async def token(self) -> dict[str, object]:
        """A token for whoever asks."""
        claims = {
            "iss": f"{self.url}{REALM}",
            "aud": ["lcm-api"],
            "sub": "scheduler",
            "exp": int(time.time()) + 300,
            "realm_access": {"roles": ["resource-scheduler"]},
        }
        return {"access_token": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self._key), "expires_in": 300}

    async def terms(self, body: ObtainTerm) -> dict[str, object]:
        """A higher term each time."""
        self.term += 1
        return {"service": body.service, "shard": body.shard, "term": self.term}

    async def heartbeat(self) -> None:
        """Nobody looks."""

    async def claim_changes(self, since: str = "") -> ClaimChanges:
        """Days changed since a number."""
        known = int(since or 0)
        items = [
            ClaimDay(
                worker_id=worker_id,
                day=day,
                version=version,
                claims=[claim for claim in self.claims.get(worker_id, {}).values() if day in days_of(claim)],
            )
            for (worker_id, day), (version, change) in self.day_versions.items()
            if change > known
        ]
        return ClaimChanges(items=items, cursor=str(self.changes))

    async def place(self, body: PlacementBatch, request: Request) -> PlacementBatchResult | JSONResponse:
        """Validate and store each placement; ``places_go_on`` holds the first leader's calls up while it is clear."""
        term = request.headers.get("x-lcm-term", "")
        self.terms_seen.append(term)
        self.places_begun += 1
        if int(term) == 1:
            await self.places_go_on.wait()
        if int(term) < self.term:
            problem = {"title": "Stale", "status": 409, "code": "StaleTerm", "detail": "a newer leader was seen"}
            return JSONResponse(problem, 409, media_type="application/problem+json")
        return PlacementBatchResult(items=[await self._place(item) for item in body.items])

    async def _place(self, item: PlaceSession) -> PlacementResult:
        session, worker = self.session(item.session_id), self.worker(item.worker_id)

        def refused(status: int, code: str, detail: str = "") -> PlacementResult:
            return PlacementResult(session_id=item.session_id, status=status, code=code, detail=detail or code)

        if self.refuse_places:
            self.refuse_places -= 1
            return refused(409, "CapacityExceeded", "somebody else was faster")
        if session.status.phase is not SessionPhase.PENDING:
            return refused(409, "IllegalTransition")
        if session.version != item.expected_version:
            return refused(412, "VersionMismatch")
        claim = ClaimView(
            claim_id=item.claim_id,
            worker_id=item.worker_id,
            session_id=item.session_id,
            resources=item.resources,
            ports=item.ports,
            start=item.claim_from,
            end=item.claim_until,
        )
        fault = breach([*self.claims.get(item.worker_id, {}).values(), claim], worker)
        if fault:
            return refused(409, "CapacityExceeded", fault)
        self.hold(claim)
        placement = Placement(
            worker_id=item.worker_id,
            claim_id=item.claim_id,
            booked=item.booked,
            resources=item.resources,
            ports=item.ports,
            placed_at=self.now,
        )
        fresh = await self.change(
            "sessions",
            item.session_id,
            phase=SessionPhase.SCHEDULED,
            placement=placement,
            placements_tried=session.status.placements_tried + 1,
            explanation=item.explanation,
        )
        return PlacementResult(session_id=item.session_id, status=200, version=fresh.version, claim=claim)

    async def explain(self, body: ExplanationBatch) -> BulkResult:
        """Store explanations of waiting sessions."""
        results = []
        for item in body.items:
            session = self.session(item.session_id)
            if session.status.phase is SessionPhase.PENDING:
                session = await self.change("sessions", item.session_id, explanation=item.explanation)  # type: ignore[assignment]
            results.append(BulkItemResult(id=item.session_id, status=200, version=session.version))
        return BulkResult(items=results)

    async def unschedule(self, session_id: str, body: UnscheduleSession) -> Written:
        """Back to the queue."""
        placement = self.session(session_id).status.placement
        if placement is None:
            raise HTTPException(409)
        fresh = await self.change(
            "sessions", session_id, phase=SessionPhase.PENDING, placement=None, reason=body.reason, message=body.message
        )
        self.release(placement.worker_id, placement.claim_id)
        return Written(id=session_id, version=fresh.version, generation=fresh.generation, phase="pending")

    async def transition(self, session_id: str, body: TransitionSession) -> Written:
        """Move a session."""
        fresh = await self.change(
            "sessions", session_id, phase=body.to, reason=body.reason, message=body.message, outcome=body.outcome
        )
        return Written(id=session_id, version=fresh.version, generation=fresh.generation, phase=body.to)

    async def scale_up(self, body: ScaleUpBatch) -> BulkResult:
        """One worker per need."""
        results = []
        for need in body.items:
            worker_id = "w" + hashlib.sha256(need.need_id.encode()).hexdigest()[:12]
            known = self.objects["workers"].get(worker_id)
            if known is None:
                template = self.objects["templates"][need.template_id]
                assert isinstance(template, TemplateView)
                from worlds import planned_worker

                await self.put("workers", planned_worker(worker_id, template, need, self.now))
                self.made_workers.append(need.need_id)
            results.append(BulkItemResult(id=worker_id, status=200 if known else 201, version=1))
        return BulkResult(items=results)

    async def desired(self, worker_id: str, body: SetWorkerDesired) -> Written:
        """Store the wish; refuses to stop a worker with live claims."""
        if body.desired is not WorkerDesired.RUNNING:
            soon = self.now + timedelta(minutes=30)
            if any(each.start < soon and each.end > self.now for each in self.claims.get(worker_id, {}).values()):
                raise HTTPException(409)
        fresh = await self.change("workers", worker_id, spec=True, desired=body.desired, desired_reason=body.message)
        return Written(id=worker_id, version=fresh.version, generation=fresh.generation, phase="")


@asynccontextmanager
async def stand_in(etcd: EtcdClient) -> AsyncIterator[StandIn]:
    """A served stand-in."""
    port = free_port()
    platform = StandIn(etcd, f"http://127.0.0.1:{port}")
    config = uvicorn.Config(platform.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield platform
    finally:
        server.should_exit = server.force_exit = True
        await task
