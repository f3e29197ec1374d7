"""`trackbook.toml` as typed, frozen settings."""

from trackbook.settings.gates import GateSettings, Stage
from trackbook.settings.policy import ApprovalSettings, ModelSettings, ProtectedSettings
from trackbook.settings.settings import (
    FILE_NAME,
    CaptureSettings,
    DriftSettings,
    PipelineSettings,
    RemoteSettings,
    Settings,
    StepSettings,
    StoreSettings,
    load_settings,
)

__all__ = [
    "FILE_NAME",
    "ApprovalSettings",
    "CaptureSettings",
    "DriftSettings",
    "GateSettings",
    "ModelSettings",
    "PipelineSettings",
    "ProtectedSettings",
    "RemoteSettings",
    "Settings",
    "Stage",
    "StepSettings",
    "StoreSettings",
    "load_settings",
]
