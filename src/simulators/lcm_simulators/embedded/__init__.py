"""Real backing servers as child processes of a test or of the supervisor.

An *embedded server* is the genuine program (etcd, the database, the AWS API) with its own data folder and its own
loopback port. It can be stopped, killed, frozen and started again on the same port with the same data, which is what
the fault tests do. The programs live in ``.tools/venvs`` and are put there by ``scripts/bootstrap_tools.py``.
"""

from lcm_simulators.embedded.database import DatabaseServer
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.moto import MotoServer
from lcm_simulators.embedded.process import EmbeddedServer, ServerStartError, ToolMissingError, free_port

__all__ = [
    "DatabaseServer",
    "EmbeddedServer",
    "EtcdServer",
    "MotoServer",
    "ServerStartError",
    "ToolMissingError",
    "free_port",
]
