"""The license status as `GET /licensing` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.licensing import BASE_FEATURE, DEFAULT_SSMS, EXPANDABLE, MAX_EXPANSION, NODE_FEATURE

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


def license_view(controller: Controller) -> dict[str, object]:
    """The whole body."""
    state = controller.licensing.state
    completed = state.registration == "COMPLETED"
    succeeded = state.registered_at if completed else None
    register_time = {
        "succeeded": succeeded, "attempted": state.attempted, "scheduled": None,
        "status": "SUCCESS" if completed else "FAILED" if state.failure else "NOT STARTED",
        "failure": state.failure or ("OK" if completed else None),
        "success": "SUCCESS" if completed else "FAILED" if state.failure else None,
    }  # fmt: skip
    renew_time = {
        "succeeded": None, "attempted": None, "scheduled": state.expires if completed else None,
        "status": None, "failure": None, "success": None,
    }  # fmt: skip
    return {
        "registration": {
            "status": state.registration, "smart_account": "Simulated Smart Account" if completed else None,
            "virtual_account": "DEFAULT" if completed else None, "expires": state.expires,
            "register_time": register_time, "renew_time": renew_time,
        },
        "authorization": {
            "status": state.authorization, "expires": state.authorization_expires,
            "renew_time": {**renew_time, "scheduled": state.authorization_expires if completed else None},
        },
        "features": _features(controller),
        "reservation_mode": state.reservation_mode,
        "transport": {
            "ssms": state.ssms or DEFAULT_SSMS, "default_ssms": DEFAULT_SSMS,
            "proxy": {"server": state.proxy_server, "port": state.proxy_port},
        },
        "udi": {"hostname": f"cml-{controller.instance_id}", "product_uuid": controller.licensing.udi},
        "product_license": {"active": state.product, "is_enterprise": state.product in EXPANDABLE},
    }  # fmt: skip


def _features(controller: Controller) -> list[dict[str, object]]:
    state = controller.licensing.state
    status = state.authorization if controller.licensing.valid else "INIT"
    base_in_use = 0 if state.reservation_mode else 1
    base: dict[str, object] = {
        "id": BASE_FEATURE, "name": "CML - Enterprise License" if state.product in EXPANDABLE else state.product,
        "description": "Cisco Modeling Labs with its base node capacity included", "in_use": base_in_use,
        "status": status, "version": "1.0", "min": 0, "max": 1, "minEndDate": None, "maxEndDate": None,
    }  # fmt: skip
    if state.product not in EXPANDABLE:
        return [base]
    expansion = base | {
        "id": NODE_FEATURE, "name": "CML - Expansion Node License",
        "description": "Additional node capacity", "in_use": state.expansion, "max": MAX_EXPANSION,
    }  # fmt: skip
    return [base, expansion]


def tech_support_text(controller: Controller) -> str:
    """A text like the one support asks for."""
    state = controller.licensing.state
    return "\n".join([
        "Smart Licensing Tech Support info", "",
        f"Product: {state.product}", f"UDI: {controller.licensing.udi}",
        f"Registration: {state.registration}", f"Authorization: {state.authorization}",
        f"Last failure: {state.failure or 'none'}", "",
    ])  # fmt: skip
