"""The PlatformSettings aggregate: what administrators change while the platform runs. There is one."""

from datetime import datetime

from control_plane_api.kernel.aggregate import Resource, ResourceEvent
from lcm_core.contracts.administration import DynamicSettings, SettingsStatus
from lcm_core.domain.vocabulary import Kind

SETTINGS_ID = "platform"


class SettingsChanged(ResourceEvent):
    """Settings changed; ``change`` names each field with its old and new value."""

    change: str


class PlatformSettings(Resource[DynamicSettings, SettingsStatus]):
    """The settings and their versions."""

    KIND = Kind.SETTINGS
    SPEC = DynamicSettings
    STATUS = SettingsStatus

    @classmethod
    def initial(cls, created_by: str, now: datetime) -> "PlatformSettings":
        """The defaults of a new installation."""
        settings = cls.create(SETTINGS_ID, DynamicSettings(), SettingsStatus(), created_by, now)
        settings.record(SettingsChanged(change="defaults"))
        return settings

    def change(self, wanted: DynamicSettings) -> bool:
        """Replace the settings; answers whether anything changed."""
        before, after = self.spec.model_dump(), wanted.model_dump()
        changes = [f"{name}: {before[name]} → {after[name]}" for name in after if before[name] != after[name]]
        if not changes:
            return False
        self.touch_spec()
        self.spec = wanted
        self.record(SettingsChanged(change="; ".join(changes)))
        return True
