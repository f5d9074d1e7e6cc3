"""Which settings the services read, found in their settings classes."""

import importlib

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from lcm_core.container import SECRETS, SUFFIX

MODULES = (
    "lcm_core.settings",
    "control_plane_api.settings",
    "control_plane_api.domain.deadlines",
    "resource_scheduler.settings",
    "worker_controller.settings",
    "lablet_controller.settings",
)
# Read by the AWS SDK and by the entry point of the images.
OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LCM_RELOAD", "POD_IP"}


def known_settings() -> set[str]:
    """Names of all environment variables of the deployed services, those for secret files included."""
    names = set(OTHERS) | {name + SUFFIX for name in SECRETS}
    for module in MODULES:
        for value in vars(importlib.import_module(module)).values():
            if not (isinstance(value, type) and issubclass(value, BaseSettings)):
                continue
            for field in value.model_fields.values():
                alias = field.validation_alias
                if isinstance(alias, str):
                    names.add(alias)
                elif isinstance(alias, AliasChoices):
                    names |= {choice for choice in alias.choices if isinstance(choice, str)}
    return names
