"""The users of a realm: those of its file, as changed since, and those made since."""

from collections.abc import Iterator

from lcm_simulators.identity.realm import Realm, User
from lcm_simulators.identity.store import Store

COMPOSITES = {
    "view-users": ("query-users", "query-groups"),
    "view-clients": ("query-clients",),
}
"""Roles of Keycloak's own client ``realm-management`` that bring others along."""
REALM_MANAGEMENT = "realm-management"


class UserDirectory:
    """Finds and changes users. A change is written down before it is seen."""

    def __init__(self, realm: Realm, store: Store, kind: str) -> None:
        self._realm = realm
        self._store = store
        self._kind = kind
        self._users = {user.id: user for user in realm.users}
        for user_id, body in store.all(kind):
            if body:
                self._users[user_id] = User.model_validate_json(body)
            else:  # deleted
                self._users.pop(user_id, None)

    def __iter__(self) -> Iterator[User]:
        return iter(sorted(self._users.values(), key=lambda user: user.username))

    def get(self, user_id: str) -> User | None:
        """The user with that id."""
        return self._users.get(user_id)

    def named(self, username: str) -> User | None:
        """The user of that name, which has no upper and lower case."""
        wanted = username.strip().lower()
        return next((user for user in self._users.values() if user.username == wanted), None)

    def with_email(self, email: str) -> User | None:
        """The user of that address."""
        wanted = email.strip().lower()
        return next((user for user in self._users.values() if wanted and user.email.lower() == wanted), None)

    def signing_in(self, login: str) -> User | None:
        """Who signs in under a user name or, where the realm allows it, an e-mail address; never a service account."""
        user = self.named(login)
        if user is None and self._realm.login_with_email_allowed:
            user = self.with_email(login)
        return None if user is None or user.service_account_client_id else user

    def service_account(self, client_id: str) -> User | None:
        """The user that stands for a client."""
        return next((user for user in self._users.values() if user.service_account_client_id == client_id), None)

    def save(self, user: User) -> None:
        """Add or replace a user."""
        self._store.put(self._kind, user.id, user.model_dump_json())
        self._users[user.id] = user

    def delete(self, user: User) -> None:
        """Remove a user, also one of the realm file."""
        self._store.put(self._kind, user.id, "")
        self._users.pop(user.id, None)


def realm_roles(realm: Realm, user: User) -> list[str]:
    """The user's own roles and those of the groups it is in."""
    roles = set(user.realm_roles)
    for group in realm.groups:
        if group.path in user.groups:
            roles.update(group.realm_roles)
    return sorted(roles)


def client_roles(realm: Realm, user: User) -> dict[str, list[str]]:
    """Roles of clients, by client, with those they bring along."""
    found: dict[str, set[str]] = {}
    sources = [user.client_roles, *(group.client_roles for group in realm.groups if group.path in user.groups)]
    for source in sources:
        for client, names in source.items():
            roles = found.setdefault(client, set())
            roles.update(names)
            if client == REALM_MANAGEMENT:
                for name in names:
                    roles.update(COMPOSITES.get(name, ()))
    return {client: sorted(roles) for client, roles in sorted(found.items()) if roles}
