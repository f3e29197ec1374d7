"""What a gate said, and about what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trackbook.settings import GateSettings


class Finding(msgspec.Struct, frozen=True):
    """What the rule of one kind of gate found; `evidence` is plain JSON: numbers, intervals, tables."""

    passed: bool
    reason: str
    value: float | None = None
    evidence: dict[str, Any] | None = None


class GateResult(msgspec.Struct, frozen=True):
    """What one gate said about the model with the digest `judged_digest`; `time` in milliseconds since 1970.

    `digests` are those of all else that it judged: the champion, the data.  `policy` and `event`, the number of its
    audit event, are set for a result that was kept.
    """

    gate: GateSettings
    stage: str
    passed: bool
    reason: str
    value: float | None
    judged_digest: str
    time: int
    evidence: dict[str, Any] | None = None
    digests: dict[str, str] = {}
    policy: str | None = None
    event: int | None = None


def holds_for(result: GateResult, digest: str, digests: Mapping[str, str] | None = None) -> bool:
    """Say whether `result` passed and was given for exactly the bytes with `digest`, and for all of `digests`."""
    return result.passed and not is_void(result, digest, digests)


def is_void(result: GateResult, digest: str, digests: Mapping[str, str] | None = None) -> bool:
    """Say whether anything that `result` judged is another now; `digests` are those of today."""
    return result.judged_digest != digest or (digests is not None and dict(digests) != result.digests)
