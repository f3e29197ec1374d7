"""The policy for a model and a stage: what `trackbook.toml` asks of a version before it enters, with a digest.

Results of gates and approvals are bound to the digest: under another policy they count for nothing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property

import msgspec
from blake3 import blake3

from trackbook.registry.audit.chain import canonical
from trackbook.registry.gates import judge
from trackbook.settings import ApprovalSettings, GateSettings, ProtectedSettings, Settings


class Policy(msgspec.Struct, frozen=True, dict=True):
    """The gates and approvals of one stage for one model; `roles` are those that the approvals name."""

    stage: str
    gates: tuple[GateSettings, ...] = ()
    approvals: tuple[ApprovalSettings, ...] = ()
    roles: dict[str, tuple[str, ...]] = {}

    @cached_property
    def content(self) -> str:
        """The policy as canonical JSON."""
        return canonical(msgspec.to_builtins(self))

    @cached_property
    def digest(self) -> str:
        """The BLAKE3 hash of the content, in hex."""
        return blake3(self.content.encode()).hexdigest()


def policy_for(settings: Settings, model: str, stage: str) -> Policy:
    """Return what `settings` ask of versions of `model` that enter `stage`."""
    approvals = tuple(each for each in settings.approvals if each.stage == stage and fnmatchcase(model, each.model))
    named = {name for each in approvals for name in each.approvers}
    return Policy(
        stage=stage,
        gates=tuple(judge.applicable(settings.gates, model, stage)),
        approvals=approvals,
        roles={name: members for name, members in settings.roles.items() if name in named},
    )


def protection(settings: Settings, model: str, alias: str) -> ProtectedSettings | None:
    """Return the rule that protects `alias` of `model`, the first one that fits."""
    fits = (each for each in settings.protected if fnmatchcase(alias, each.alias) and fnmatchcase(model, each.model))
    return next(fits, None)
