"""What must be true before the process may listen; a hole found here would otherwise show as a 404 or worse later."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from control_plane_api.api.guard import GuardedRoute
from control_plane_api.application.authorization.policy import POLICY, Action
from control_plane_api.application.mediation.mediator import SafeMediator
from control_plane_api.kernel.errors import WiringError

MINIMUM_ROUTES = 60
"""Far below what there is: a router that was forgotten takes many routes with it."""


def check_wiring(api: FastAPI, mediator: SafeMediator, requests: frozenset[type]) -> None:
    """Raise ``WiringError`` that names every hole."""
    holes = [f"nobody handles {name}" for name in sorted(kind.__name__ for kind in requests - mediator.handled)]
    holes += [f"action {action} has no rule" for action in Action if action not in POLICY]
    routes = [route for route in api.routes if isinstance(route, APIRoute)]
    holes += [f"route {route.path} is not guarded" for route in routes if not isinstance(route, GuardedRoute)]
    if len(routes) < MINIMUM_ROUTES:
        holes.append(f"only {len(routes)} routes exist")
    seen: set[tuple[str, str]] = set()
    for route in routes:
        for method in route.methods or ():
            if (method, route.path) in seen:
                holes.append(f"{method} {route.path} is declared twice")
            seen.add((method, route.path))
    if holes:
        raise WiringError("; ".join(holes))
