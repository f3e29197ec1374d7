"""`trackbook.toml` as typed, frozen settings."""

from trackbook.settings.gates import (
    ChampionGate,
    DataGate,
    FairnessGate,
    GateSettings,
    LatencyGate,
    MetricGate,
    ReproducedGate,
    SignatureGate,
    SizeGate,
    SlicesGate,
    Stage,
)
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
    "ChampionGate",
    "DataGate",
    "DriftSettings",
    "FairnessGate",
    "GateSettings",
    "LatencyGate",
    "MetricGate",
    "ModelSettings",
    "PipelineSettings",
    "ProtectedSettings",
    "RemoteSettings",
    "ReproducedGate",
    "Settings",
    "SignatureGate",
    "SizeGate",
    "SlicesGate",
    "Stage",
    "StepSettings",
    "StoreSettings",
    "load_settings",
]
