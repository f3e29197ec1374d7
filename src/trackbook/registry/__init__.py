"""Models: registered, judged by gates, moved through stages, and accounted for by an audit trail."""

from trackbook.registry.audit.chain import AuditEvent, AuditVerdict, Fault
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.registry import AuditPage, Registry, Resolved
from trackbook.registry.values import STAGES, Model, ModelVersion

__all__ = [
    "STAGES",
    "AuditEvent",
    "AuditPage",
    "AuditVerdict",
    "Fault",
    "GateResult",
    "Model",
    "ModelVersion",
    "Registry",
    "Resolved",
]
