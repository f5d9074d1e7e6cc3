"""The role table of the documentation, made from the policy: ``python -m …role_table`` prints it."""

import sys

from control_plane_api.application.authorization.policy import POLICY, Action, Scope
from lcm_core.domain.vocabulary import Role

WORDS = {Scope.NONE: "–", Scope.OWN: "own", Scope.DEPARTMENT: "department", Scope.ANY: "all"}
PEOPLE = (Role.ADMIN, Role.MANAGER, Role.USER, Role.LAB_AUTHOR)
CONTROLLERS = (Role.RESOURCE_SCHEDULER, Role.WORKER_CONTROLLER, Role.LABLET_CONTROLLER)
_HEAD = """# Who may do what

<!-- Made from the policy table by `python -m control_plane_api.application.authorization.role_table`. -->

A role may do a thing to *all* objects, to those of the caller's *department*, to the caller's *own*, or not at all (–).
Who has several roles has the widest of them. A refused command is recorded in the audit trail.
"""


def _table(title: str, roles: tuple[Role, ...], actions: list[Action]) -> str:
    rows = [f"| Action | {' | '.join(roles)} |", f"|---|{'---|' * len(roles)}"]
    for action in actions:
        cells = " | ".join(WORDS[POLICY[action].scope([role])] for role in roles)
        rows.append(f"| `{action}` | {cells} |")
    return f"\n## {title}\n\n" + "\n".join(rows) + "\n"


def role_table() -> str:
    """The page as Markdown."""
    public = [action for action in Action if not action.startswith("internal.")]
    internal = [action for action in Action if action.startswith("internal.")]
    return (
        _HEAD
        + _table("People", PEOPLE, public)
        + _table("Service accounts of the controllers", CONTROLLERS, [*public, *internal])
    )


if __name__ == "__main__":
    sys.stdout.write(role_table())
