"""Ports and networks are given to one process at a time."""

import subprocess
import sys

from lcm_simulators.embedded.reservations import BLOCK_PORTS, BLOCKS, free_network, free_port

PORTS = 120
TAKE = f"""
from lcm_simulators.embedded.reservations import free_network, free_port
print(*(free_port() for _ in range({PORTS})), free_network(), flush=True)
input()
"""


def taker() -> subprocess.Popen[str]:
    """A process that holds what it was given until its input ends."""
    return subprocess.Popen([sys.executable, "-c", TAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_run_at_once_share_no_port_and_no_network() -> None:
    takers = [taker() for _ in range(3)]
    try:
        given = [process.stdout.readline().split() for process in takers if process.stdout]
        # While the others run: what they held is free again afterwards.
        mine = [*(str(free_port()) for _ in range(PORTS)), free_network()]
    finally:
        for process in takers:
            process.communicate("\n", timeout=20)
    everything = [each for one in [*given, mine] for each in one]
    assert len(everything) == 4 * (PORTS + 1)
    assert len(set(everything)) == len(everything)


def test_ports_lie_below_those_that_connections_take() -> None:
    port = free_port()
    assert BLOCKS[0] < port < BLOCKS[-1] + BLOCK_PORTS < 32_768


def test_a_port_is_not_given_twice() -> None:
    ports = [free_port() for _ in range(3 * BLOCK_PORTS)]
    assert len(set(ports)) == len(ports)
