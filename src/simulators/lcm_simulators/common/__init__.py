"""What every simulator shares.

Nouns: a *fault* is an instruction to misbehave on matching calls; the *journal* is the bounded list of calls a
simulator answered; the *simulated clock* runs `factor` times faster than the wall clock; the *admin API* under
`/admin` sets and reads all three, so that tests steer any simulator in the same way.
"""

from lcm_simulators.common.admin import CallIdentity, admin_routes, install_admin
from lcm_simulators.common.clock import SimulatedClock, platform_time
from lcm_simulators.common.faults import Fault, FaultBook, FaultKind, FaultMatch
from lcm_simulators.common.journal import Journal, JournalEntry
from lcm_simulators.common.middleware import FaultAndJournalMiddleware

__all__ = [
    "CallIdentity",
    "Fault",
    "FaultAndJournalMiddleware",
    "FaultBook",
    "FaultKind",
    "FaultMatch",
    "Journal",
    "JournalEntry",
    "SimulatedClock",
    "admin_routes",
    "install_admin",
    "platform_time",
]
