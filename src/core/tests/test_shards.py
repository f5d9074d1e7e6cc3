"""Shards: every key and shard has exactly one owner, and few move when members come and go."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from lcm_core.controller import ElectionTimes, ElectionWon, LeaderElection, Leadership, ShardAssignment
from lcm_core.controller.shards import preferred_member, shard_of
from lcm_core.etcd import EtcdClient

MEMBERS = st.sets(st.text("abcdef", min_size=1, max_size=5), min_size=1, max_size=8)


@given(key=st.text(), shards=st.integers(1, 256))
def test_a_key_has_one_shard(key: str, shards: int) -> None:
    assert 0 <= shard_of(key, shards) < shards


def test_the_shard_of_a_key_never_changes_between_versions() -> None:
    assert [shard_of(key, 16) for key in ("worker-1", "worker-2", "session-1")] == [11, 1, 12]


@given(members=MEMBERS, newcomer=st.text("xyz", min_size=1, max_size=3), shard=st.integers(0, 255))
def test_a_newcomer_takes_shards_only_for_itself(members: set[str], newcomer: str, shard: int) -> None:
    before = preferred_member(shard, members)
    after = preferred_member(shard, members | {newcomer})
    assert after in (before, newcomer)


def test_shards_spread_over_members() -> None:
    members = {f"host-{number}" for number in range(4)}
    counts = dict.fromkeys(members, 0)
    for shard in range(256):
        counts[preferred_member(shard, members)] += 1
    assert min(counts.values()) > 256 / 4 / 2


class Group:
    """Members of one service in this process, and which shards they lead."""

    def __init__(self, store: EtcdClient, shards: int) -> None:
        self.store = store
        self.shards = shards
        self.term = 0
        self.leads: dict[str, set[int]] = {}
        self.changed = asyncio.Event()
        self.tasks: dict[str, tuple[ShardAssignment, asyncio.Task[None]]] = {}

    async def _obtain(self, won: ElectionWon) -> int:
        self.term += 1
        return self.term

    def join(self, name: str) -> None:
        def make_election(shard: int) -> LeaderElection:
            return LeaderElection(
                self.store,
                service="svc",
                shard=shard,
                identity=name,
                admin_url="",
                obtain_term=self._obtain,
                times=ElectionTimes(lease=3, margin=1.0),
            )

        async def lead(leadership: Leadership) -> None:
            for other, held in self.leads.items():
                assert leadership.shard not in held, f"{other} and {name} lead shard {leadership.shard}"
            self.leads[name].add(leadership.shard)
            self.changed.set()
            try:
                await leadership.ending.wait()
            finally:
                self.leads[name].discard(leadership.shard)
                self.changed.set()

        self.leads[name] = set()
        assignment = ShardAssignment(
            self.store,
            service="svc",
            identity=name,
            admin_url="",
            shards=self.shards,
            make_election=make_election,
        )
        self.tasks[name] = (assignment, asyncio.create_task(assignment.run(lead)))

    async def leave(self, name: str) -> None:
        assignment, task = self.tasks.pop(name)
        assignment.stop()
        await asyncio.wait_for(task, 10)
        del self.leads[name]

    async def settled(self) -> None:
        """Wait until each shard is led by the member it prefers."""
        wanted: dict[str, set[int]] = {name: set() for name in self.tasks}
        for shard in range(self.shards):
            wanted[preferred_member(shard, wanted)].add(shard)
        async with asyncio.timeout(20):
            while self.leads != wanted:
                self.changed.clear()
                await self.changed.wait()


async def test_shards_follow_the_members_and_are_never_led_twice(store: EtcdClient) -> None:
    group = Group(store, shards=8)
    group.join("a")
    await group.settled()
    group.join("b")
    await group.settled()
    group.join("c")
    await group.settled()
    await group.leave("a")
    await group.settled()
    await group.leave("c")
    await group.settled()
    await group.leave("b")
    assert (await store.list("/lcm-run/elections/")).items == ()
    assert (await store.list("/lcm-run/members/")).items == ()
