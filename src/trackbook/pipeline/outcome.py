"""How a pipeline and its steps went, and what is said while they go on, as values."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

EXECUTED, CACHED, FAILED, SKIPPED = "executed", "cached", "failed", "skipped"
"""How a step ends: it was called, its kept result was taken, it raised, or it was not reached or not chosen."""


class StepResult(msgspec.Struct, frozen=True):
    """How a step went: `status` is executed, cached, failed or skipped; `run_id` is its child run's, if it has one.

    `reason` says what a failed step raised, or why the result of an executed step was not kept; `why` says why a step
    ran although there was a cache.  `attempts` counts the calls.
    """

    name: str
    status: str
    seconds: float
    reason: str = ""
    why: str = ""
    run_id: str = ""
    attempts: int = 1


class PipelineResult(msgspec.Struct, frozen=True):
    """How a pipeline went: `status` is FINISHED or FAILED; `seconds` is wall time.

    `metrics` are the last values that its steps logged.
    """

    run_id: str
    status: str
    steps: tuple[StepResult, ...]
    seconds: float
    metrics: dict[str, float] = {}


class RunStarted(msgspec.Struct, frozen=True, tag_field="event", tag="run"):
    """A pipeline begins: its run, what it was made from, its steps in their order and its params as texts.

    `expected` is the time in seconds that the steps took when they last ran, None where one is not known.
    """

    run_id: str
    pipeline: str
    steps: tuple[str, ...]
    params: dict[str, str]
    expected: float | None = None


class StepProgress(msgspec.Struct, frozen=True, tag_field="event", tag="step"):
    """A step begins (`state` is "started"), is tried again ("retrying") or has ended, see `StepResult`.

    Positions count from 1.  `expected` is the time in seconds that it took when it last ran; `traceback` is that of a
    failed step.
    """

    state: str
    position: int
    total: int
    name: str
    seconds: float = 0.0
    reason: str = ""
    why: str = ""
    run_id: str = ""
    expected: float | None = None
    traceback: str = ""


class OutputPrinted(msgspec.Struct, frozen=True, tag_field="event", tag="output"):
    """Text that a step printed; `stream` is stdout or stderr, `step` is empty while the script is imported."""

    step: str
    stream: str
    text: str


class MetricReported(msgspec.Struct, frozen=True, tag_field="event", tag="metric"):
    """A step logged a value of a metric; `at` is its step, as MLflow calls it, None where it is the next one."""

    step: str
    key: str
    value: float
    at: int | None = None


class Noticed(msgspec.Struct, frozen=True, tag_field="event", tag="notice"):
    """Something about the whole run that a person should know, as why steps do not run side by side."""

    text: str


class RunEnded(msgspec.Struct, frozen=True, tag_field="event", tag="end"):
    """A pipeline has ended."""

    result: PipelineResult


PipelineEvent = RunStarted | StepProgress | OutputPrinted | MetricReported | Noticed | RunEnded
OnEvent = Callable[[PipelineEvent], None]
"""Is told what happens, one event at a time, in the order in which it happens."""
