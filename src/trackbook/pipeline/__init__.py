"""Notebook to graph to script to execution: one service, `Pipelines`, and the values that it hands out.

::

    steps/          the notebook as steps: cells, tags, headings
    graph/          evidence for its graph besides the text: what ran, what was recorded
    script/         what each cell becomes in the script, and the text around it
    sync/           edits of the script and of the notebook, joined
    verification/   fresh runs of both, compared
    worker/         the process in which steps run: what it sees of them, how values leave it
    cache/          results that need not be made again: keys, what is kept, why one will not do
    running/        a plan run: which steps, in which processes, side by side or one by one
    engines/        processes elsewhere: Dask
    sweeps/         a run for each combination of params, or for each that a search tries
    schedules/      when a pipeline runs by itself
    exports/        the same steps in the tools that people have
    plan.py         what a script will do, read from its text
    slots.py        the values that its steps hand on
    execution.py    a notebook run in a fresh kernel
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.pipeline.execution import CellProgress, execute_notebook
    from trackbook.pipeline.outcome import PipelineResult, StepProgress, StepResult
    from trackbook.pipeline.plan import Plan, StepPlan, read_plan
    from trackbook.pipeline.script.convert import Script
    from trackbook.pipeline.service import Pipelines
    from trackbook.pipeline.verification.compare import Difference
    from trackbook.pipeline.verification.verify import Verification

_PLACES = {
    "CellProgress": "execution",
    "Difference": "verification.compare",
    "PipelineResult": "outcome",
    "Pipelines": "service",
    "Plan": "plan",
    "Script": "script.convert",
    "StepPlan": "plan",
    "StepProgress": "outcome",
    "StepResult": "outcome",
    "Verification": "verification.verify",
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
