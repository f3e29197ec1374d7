"""How a pipeline and its steps went, as values."""

from __future__ import annotations

import msgspec


class StepResult(msgspec.Struct, frozen=True):
    """How a step went: `status` is executed, cached or failed.

    `reason` says what a failed step raised, or why the result of an executed step was not kept.
    """

    name: str
    status: str
    seconds: float
    reason: str = ""


class PipelineResult(msgspec.Struct, frozen=True):
    """How a pipeline went: `status` is FINISHED or FAILED; steps after a failed one are not there."""

    run_id: str
    status: str
    steps: tuple[StepResult, ...]
    seconds: float


class StepProgress(msgspec.Struct, frozen=True):
    """A step begins (`state` is "started") or has ended ("executed", "cached", "failed"); positions count from 1."""

    state: str
    position: int
    total: int
    name: str
    seconds: float = 0.0
    reason: str = ""
