"""Terms of controller leaders (ruling 2): a counter per service and shard that only a newly won election raises."""

from pymongo.errors import DuplicateKeyError

from control_plane_api.application.errors import ConflictError
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.platform import ObtainTerm
from lcm_core.etcd import EtcdStore, election_key

ATTEMPTS = 10


class StaleTermError(ConflictError):
    """A write of a leader that was replaced."""

    def __init__(self, service: str, shard: int, sent: int, current: int) -> None:
        detail = f"{service} shard {shard} is at term {current}; a write with term {sent} comes from a former leader."
        super().__init__("StaleTerm", detail, {"current_term": current})


class MongoTerms:
    """Grants terms and refuses stale ones."""

    def __init__(self, database: Database, etcd: EtcdStore) -> None:
        self._terms: Collection = database["terms"]
        self._etcd = etcd

    async def create_indexes(self) -> None:
        """For the compare-and-set."""
        await ensure_index(self._terms, [("_id", 1), ("term", 1)])

    async def obtain(self, request: ObtainTerm) -> int:
        """The term of this election: the same when asked again, one higher for a newer election.

        Raises ``ConflictError`` when etcd does not know the election.
        """
        if request.etcd_key != election_key(request.service, request.shard):
            raise ConflictError("WrongElectionKey", f"{request.etcd_key} is not the election key of this shard.")
        held = await self._etcd.get(request.etcd_key)
        if held is None or held.create_revision != request.create_revision:
            raise ConflictError(
                "ElectionLost", f"{request.identity} does not hold {request.etcd_key} any more; run again."
            )
        election = f"{await self._etcd.incarnation()}:{request.create_revision}"
        key = f"{request.service}/{request.shard}"
        for _ in range(ATTEMPTS):
            known = await self._terms.find_one({"_id": key})
            if known is not None and known["election"] == election:
                return int(known["term"])
            if await self._raise(key, known["term"] if known else 0, election, request.identity):
                return (known["term"] if known else 0) + 1
        raise ConflictError("Contention", f"The term of {key} changes too fast; try again.")

    async def _raise(self, key: str, term: int, election: str, identity: str) -> bool:
        fresh = {"term": term + 1, "election": election, "identity": identity}
        if term == 0:
            try:
                await self._terms.insert_one({"_id": key, **fresh})
            except DuplicateKeyError:
                return False
            return True
        result = await self._terms.update_one({"_id": key, "term": term}, {"$set": fresh})
        return result.modified_count == 1

    async def check(self, service: str, shard: int, term: int) -> None:
        """Raise ``StaleTermError`` for a lower term than the shard has reached."""
        known = await self._terms.find_one({"_id": f"{service}/{shard}"}, {"term": 1})
        current = int(known["term"]) if known else 0
        if term < current or term < 1:
            raise StaleTermError(service, shard, term, current)
