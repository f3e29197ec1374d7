"""Models: registered, judged by gates, moved through stages, and accounted for by an audit trail."""

from trackbook.registry.approvals.standing import Standing
from trackbook.registry.audit.chain import AuditEvent, AuditVerdict, Fault
from trackbook.registry.audit.service import AuditPage
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.identity import Identity
from trackbook.registry.listing import ModelSummary
from trackbook.registry.loading import Resolved
from trackbook.registry.production import Rollback
from trackbook.registry.registry import Registry
from trackbook.registry.values import STAGES, Approval, Model, ModelVersion
from trackbook.registry.verification import ModelFault

__all__ = [
    "STAGES",
    "Approval",
    "AuditEvent",
    "AuditPage",
    "AuditVerdict",
    "Fault",
    "GateResult",
    "Identity",
    "Model",
    "ModelFault",
    "ModelSummary",
    "ModelVersion",
    "Registry",
    "Resolved",
    "Rollback",
    "Standing",
]
