"""Notebook to graph to script to execution: one service, `Pipelines`, and the values that it hands out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.pipeline.compare import Difference
    from trackbook.pipeline.execution import CellProgress, execute_notebook
    from trackbook.pipeline.outcome import PipelineResult, StepProgress, StepResult
    from trackbook.pipeline.plan import Plan, StepPlan, read_plan
    from trackbook.pipeline.script import Script
    from trackbook.pipeline.service import Pipelines
    from trackbook.pipeline.verify import Verification

_PLACES = {
    "CellProgress": "execution",
    "Difference": "compare",
    "PipelineResult": "outcome",
    "Pipelines": "service",
    "Plan": "plan",
    "Script": "script",
    "StepPlan": "plan",
    "StepProgress": "outcome",
    "StepResult": "outcome",
    "Verification": "verify",
    "execute_notebook": "execution",
    "read_plan": "plan",
}

__all__ = [
    "CellProgress",
    "Difference",
    "PipelineResult",
    "Pipelines",
    "Plan",
    "Script",
    "StepPlan",
    "StepProgress",
    "StepResult",
    "Verification",
    "execute_notebook",
    "read_plan",
]


def __getattr__(name: str) -> Any:
    # The process that runs steps imports this package too, and must not wait for what executes notebooks.
    if name in _PLACES:
        return getattr(import_module(f"trackbook.pipeline.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
