"""A leader in a process of its own, for tests that kill or freeze it: ``leader_process.py ETCD CONTROL_PLANE NAME``.

It writes ``{"by": NAME}`` to the control plane as fast as it can while it leads, and prints a line per event.
"""

import asyncio
import sys

from lcm_core.clients.errors import ApiError
from lcm_core.clients.http import ApiClient, RetryPolicy
from lcm_core.controller import (
    ElectionTimes,
    ElectionWon,
    LeaderElection,
    Leadership,
    LeadershipLost,
    fencing_headers,
    reconcile_context,
)
from lcm_core.etcd import EtcdClient

TIMES = ElectionTimes(lease=2, margin=0.6, grace=2.0)
SERVICE = "worker-controller"


def say(text: str) -> None:
    """One event for the test."""
    print(text, flush=True)


async def work(api: ApiClient, leadership: Leadership, name: str) -> None:
    """Write until told to end; what is refused is said."""
    say(f"leads {leadership.term}")
    try:
        with reconcile_context("k", leadership):
            while not leadership.ending.is_set():
                try:
                    await api.call("POST", "/writes", body={"by": name})
                except LeadershipLost:
                    say("kept back")
                    leadership.lose("noticed before sending")
                    return
                except ApiError as error:
                    say(f"refused {type(error).__name__}")
                    leadership.lose("the write was refused")
                    return
                await asyncio.sleep(0.01)
    finally:
        say("stops")


async def main(etcd: str, control_plane: str, name: str) -> None:
    """Campaign until killed."""
    api = ApiClient(
        control_plane,
        name="control plane",
        headers=fencing_headers(SERVICE),
        timeout_seconds=30,
        retry=RetryPolicy(attempts=1),
    )

    async def obtain_term(won: ElectionWon) -> int:
        body = {"create_revision": won.create_revision, "shard": won.shard}
        answer = await api.call("POST", "/terms", body=body, response=dict[str, int])
        return answer["term"]

    async with EtcdClient([etcd], timeout_seconds=1.0) as store, api:
        election = LeaderElection(
            store,
            service=SERVICE,
            shard=0,
            identity=name,
            admin_url="",
            obtain_term=obtain_term,
            times=TIMES,
        )
        await election.run(lambda leadership: work(api, leadership, name))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
