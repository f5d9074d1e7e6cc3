#!/usr/bin/env python3
"""Make the secrets of the production stack: ``python scripts/prepare_production.py [--folder DIR] [--public-url URL]``.

Writes what is missing into ``deployment/docker-compose/secrets`` and never changes what is there, so it may run before
each start. The files are readable for the containers' users; the folder is for its owner alone. The realm is made from
the one of development: without its users, with own client secrets and one administrator, whose password is in the file
``first_admin_password``. Uses the standard library only.
"""

import argparse
import json
import secrets
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "deployment" / "docker-compose"
REALM = ROOT / "deployment" / "keycloak" / "lablet-cloud-manager-realm-export.json"
RANDOM = (
    "cloudevents_secret",
    "cml_password",
    "envelope_key",
    "etcd_password",
    "etcd_root_password",
    "first_admin_password",
    "grafana_password",
    "jwt_secret_key",
    "keycloak_admin_password",
    "keycloak_database_password",
    "lablet_controller_client_secret",
    "lcm_api_client_secret",
    "lds_client_secret",
    "grading_client_secret",
    "mongodb_password",
    "portal_client_secret",
    "redis_password",
    "resource_scheduler_client_secret",
    "worker_controller_client_secret",
)
GIVEN = ("aws_access_key_id", "aws_secret_access_key", "cml_license_token", "grading_token", "lds_password")
"""Secrets of others: empty files that the operator fills."""
CLIENT_SECRETS = {
    "portal-web-app": "portal_client_secret",
    "lcm-api": "lcm_api_client_secret",
    "lcm-resource-scheduler": "resource_scheduler_client_secret",
    "lcm-worker-controller": "worker_controller_client_secret",
    "lcm-lablet-controller": "lablet_controller_client_secret",
    "lcm-lds": "lds_client_secret",
    "lcm-grading": "grading_client_secret",
}


class Folder:
    """The folder of secrets: writes what is missing, keeps what is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: list[str] = []
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, name: str, content: str) -> str:
        """The stored content, else this one, stored."""
        file = self.path / name
        if not file.exists():
            file.touch(mode=0o644)
            file.write_text(content)
            self.made.append(name)
        return file.read_text()


def public_url(environment_file: Path) -> str:
    """``LCM_PUBLIC_URL`` of ``.env.prod``, else the one of this machine."""
    lines = environment_file.read_text().splitlines() if environment_file.exists() else []
    values = [line.partition("=")[2].strip() for line in lines if line.startswith("LCM_PUBLIC_URL=")]
    return (values[-1] if values else "http://localhost").rstrip("/")


def production_realm(realm: dict[str, object], url: str, folder: Folder) -> dict[str, object]:
    """The realm for ``url``: no user but service accounts and one administrator, no secret of development."""
    users = realm["users"]
    clients = realm["clients"]
    if not isinstance(users, list) or not isinstance(clients, list):
        sys.exit(f"{REALM} is not a realm")
    administrator = {
        "username": "admin",
        "enabled": True,
        "emailVerified": True,
        "email": "admin@lcm.invalid",
        "firstName": "First",
        "lastName": "Administrator",
        "groups": ["/administrators"],
        "attributes": {"department": ["operations"]},
        "credentials": [{"type": "password", "value": (folder.path / "first_admin_password").read_text()}],
    }
    for client in clients:
        if client["clientId"] in CLIENT_SECRETS:
            client["secret"] = (folder.path / CLIENT_SECRETS[client["clientId"]]).read_text()
        if client["clientId"] == "portal-web-app":
            client["redirectUris"] = [f"{url}/*"]
    services = [user for user in users if "serviceAccountClientId" in user]
    return {**realm, "clients": clients, "users": [administrator, *services]}


def prepare(folder: Folder, url: str) -> None:
    """Write every file that is missing."""
    for name in RANDOM:
        folder.keep(name, secrets.token_hex(32))
    for name in GIVEN:
        folder.keep(name, "")
    folder.keep("mongodb_key", secrets.token_urlsafe(384))
    mongodb, redis = (folder.path / name for name in ("mongodb_password", "redis_password"))
    folder.keep(
        "mongodb_uri", f"mongodb://root:{quote(mongodb.read_text())}@mongodb:27017/?replicaSet=rs0&authSource=admin"
    )
    folder.keep("redis_url", f"redis://:{quote(redis.read_text())}@redis:6379/0")
    folder.keep(
        "redis.conf",
        f"requirepass {redis.read_text()}\nappendonly yes\nmaxmemory 256mb\nmaxmemory-policy noeviction\ndir /data\n",
    )
    (folder.path / "tls").mkdir(exist_ok=True)
    realm = production_realm(json.loads(REALM.read_text()), url, folder)
    folder.keep("realm.json", json.dumps(realm, indent=2))


def main() -> int:
    """Prepare and say what was made."""
    parser = argparse.ArgumentParser(description="Make the secrets of the production stack.")
    parser.add_argument("--folder", type=Path, default=COMPOSE / "secrets")
    parser.add_argument("--public-url", default=public_url(COMPOSE / ".env.prod"))
    options = parser.parse_args()
    folder = Folder(options.folder)
    prepare(folder, options.public_url)
    print(f"{len(folder.made)} secrets made in {folder.path}" if folder.made else f"{folder.path} is complete")
    empty = [name for name in GIVEN if not (folder.path / name).read_text().strip()]
    if empty:
        print(f"fill where you use them: {', '.join(empty)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
