"""Protection against guessing passwords: after enough failures a user must wait, longer each time."""

from dataclasses import dataclass

from lcm_simulators.identity.realm import Realm


@dataclass(slots=True)
class Failures:
    """Failed sign-ins of one user; times are seconds since the epoch."""

    count: int = 0
    last: float = 0.0
    locked_until: float = 0.0
    last_address: str = ""


def wait_seconds(realm: Realm, failures: int) -> int:
    """How long a user with that many failures must wait: a step more with every ``failureFactor`` of them."""
    return min(realm.max_failure_wait_seconds, realm.wait_increment_seconds * (failures // realm.failure_factor))


class LoginAttempts:
    """Counts failures by user; only users that exist are counted, so the count is bounded."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._failures: dict[str, Failures] = {}

    def locked(self, user_id: str, now: float) -> bool:
        """Whether the user must wait. A right password does not help then."""
        failures = self._failures.get(user_id)
        return self._realm.brute_force_protected and failures is not None and now < failures.locked_until

    def failed(self, user_id: str, address: str, now: float) -> None:
        """A wrong password was given."""
        failures = self._failures.setdefault(user_id, Failures())
        if now - failures.last > self._realm.max_delta_time_seconds:
            failures.count = 0
        failures.count += 1
        failures.last, failures.last_address = now, address
        failures.locked_until = max(failures.locked_until, now + wait_seconds(self._realm, failures.count))

    def forget(self, user_id: str) -> None:
        """The user signed in, or an administrator lifts the lock."""
        self._failures.pop(user_id, None)

    def of_user(self, user_id: str) -> Failures:
        """What is known of a user."""
        return self._failures.get(user_id, Failures())
