"""Start the embedded database with one user, as the official image does from the same environment variables.

The database makes users only while it asks for none: at the first start the user is made without authentication on a
loopback address, and then the database starts again with it.
"""

import os
import subprocess
import time
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

FOLDER = Path("/data/db")
MADE = FOLDER / "user-made"
OPTIONS = ["--storage-path", str(FOLDER), "--log-file-max", "32MB", "--cache-size", "256M", "--sync-on-commit"]
START_SECONDS = 30.0


def password() -> str:
    """The user's password, given itself or as a file."""
    file = os.environ.get("MONGO_INITDB_ROOT_PASSWORD_FILE")
    return Path(file).read_text().strip() if file else os.environ["MONGO_INITDB_ROOT_PASSWORD"]


def make_user(port: str) -> None:
    """Make the user, as soon as the database answers. Raises ``PyMongoError`` when it never does."""
    address, deadline = f"mongodb://127.0.0.1:{port}/?directConnection=true", time.monotonic() + START_SECONDS
    while True:
        try:
            with MongoClient(address, serverSelectionTimeoutMS=500) as client:
                client.admin.command(
                    "createUser", os.environ["MONGO_INITDB_ROOT_USERNAME"], pwd=password(), roles=["root"]
                )
                return
        except PyMongoError:
            if time.monotonic() > deadline:
                raise


def main() -> None:
    """Make the user once, then become the database."""
    if not MADE.exists():
        first = subprocess.Popen(["secantusd-rs", "--host", "127.0.0.1", "--port", "27099", *OPTIONS])
        try:
            make_user("27099")
        finally:
            first.terminate()
            first.wait()
        MADE.touch()
    os.execvp("secantusd-rs", ["secantusd-rs", "--host", "0.0.0.0", "--port", "27017", "--auth", *OPTIONS])


if __name__ == "__main__":
    main()
