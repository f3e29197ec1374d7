"""`trackbook.toml` as typed, frozen settings."""

from trackbook.settings.gates import GateSettings, Stage
from trackbook.settings.settings import (
    FILE_NAME,
    CaptureSettings,
    DriftSettings,
    ModelSettings,
    PipelineSettings,
    RemoteSettings,
    Settings,
    StepSettings,
    StoreSettings,
    load_settings,
)

__all__ = [
    "FILE_NAME",
    "CaptureSettings",
    "DriftSettings",
    "GateSettings",
    "ModelSettings",
    "PipelineSettings",
    "RemoteSettings",
    "Settings",
    "Stage",
    "StepSettings",
    "StoreSettings",
    "load_settings",
]
