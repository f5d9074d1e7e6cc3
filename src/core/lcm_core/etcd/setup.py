"""Turn on authentication in a fresh etcd: ``python -m lcm_core.etcd.setup --root-password-file F --password-file F``.

Makes the users ``root`` and ``lcm``; the latter may read and write the platform's keys alone. Does nothing when
authentication is on already, so it may run before each start.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from lcm_core.etcd import _wire as wire
from lcm_core.etcd.errors import EtcdUnavailable
from lcm_core.settings import EtcdSettings

USER = "lcm"
KEYS = "/lcm"
TIMEOUT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0


async def enable_authentication(endpoint: str, root_password: str, password: str) -> bool:
    """Make the users and turn authentication on; False when it was on.

    Raises ``EtcdUnavailable`` and ``EtcdRefused``.
    """
    connection = wire.Connection(endpoint)
    try:
        if await connection.asks_for_users(TIMEOUT_SECONDS):
            return False
        await connection.add_user("root", root_password, "root", TIMEOUT_SECONDS)
        await connection.add_user(USER, password, USER, TIMEOUT_SECONDS, prefix=KEYS)
        await connection.turn_authentication_on(TIMEOUT_SECONDS)
        return True
    except wire.RpcError as error:
        raise wire.typed_error(error) from error
    finally:
        await connection.close()


async def patiently(endpoint: str, root_password: str, password: str) -> bool:
    """The same, waiting for an etcd that is still starting. Raises what the last attempt raised."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await enable_authentication(endpoint, root_password, password)
        except EtcdUnavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(1)


def main(arguments: list[str] | None = None) -> int:
    """Read the passwords and set etcd up; says what was done."""
    parser = argparse.ArgumentParser(description="Turn on authentication in a fresh etcd.")
    parser.add_argument("--root-password-file", type=Path, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    options = parser.parse_args(arguments)
    endpoint = EtcdSettings().endpoints[0]
    passwords = (options.root_password_file.read_text().strip(), options.password_file.read_text().strip())
    done = asyncio.run(patiently(endpoint, *passwords))
    print(f"etcd at {endpoint}: authentication is {'now' if done else 'already'} on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
