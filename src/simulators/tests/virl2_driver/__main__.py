"""Drives a controller with the vendor's own client; started by the conformance test in that client's environment.

Arguments: ``operations URL PASSWORD CA-FILE``, or ``topologies URL PASSWORD CA-FILE FOLDER TOPOLOGY...``.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import administration
import labs
import releases
import sessions
import topologies
from recorder import Recorder
from virl2_client import ClientLibrary

WANTED = "2.10.1"


def sign_in(url: str, authority: str, username: str, password: str) -> ClientLibrary:
    """A client of a user."""
    return ClientLibrary(url, username, password, ssl_verify=authority, raise_for_auth_failure=True)


def main() -> None:
    """Run one program and print the outcome of each operation."""
    if version("virl2-client") != WANTED:
        raise SystemExit(f"virl2-client {WANTED} is wanted, {version('virl2-client')} is installed")
    program, url, password, authority, *files = sys.argv[1:]
    client = ClientLibrary(
        url, "admin", password, ssl_verify=authority, raise_for_auth_failure=True, convergence_wait_time=0.05
    )
    record = Recorder()
    if program == "topologies":
        topologies.run(record, client, Path(files[0]), files[1:])
    else:
        sessions.run(record, client, url, password, authority)
        administration.licensing(record, client)
        lab = labs.build(record, client)
        labs.change(record, lab)
        labs.live(record, lab)
        labs.exchange(record, client, lab)
        administration.people(record, client, lab)
        administration.definitions(record, client)
        administration.system(record, client)
        if not client.system_info()["version"].startswith("2.8."):
            administration.repositories(record, client)
            labs.clone(record, lab)
        releases.run(record, client, partial(sign_in, url, authority))
        record.do("lab removed at the end", lab.remove)
        record.do("logout", lambda: client.logout(clear_all_sessions=True), lambda ended: ended)
    record.finish()


if __name__ == "__main__":
    main()
