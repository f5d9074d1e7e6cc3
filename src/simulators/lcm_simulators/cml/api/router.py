"""The one router of the simulated API; the modules of this package register their operations on it."""

from lcm_simulators.cml.routing import Router

ROUTER = Router()
route = ROUTER.route
