"""Runs a plan: finished steps from the cache, the others in a fresh process, all of it as a run with child runs.

This process decides and records, the worker only calls functions.  The worker is started when the first step
really has to run, and values are loaded into it when a step needs them, so that a run in which nothing
changed neither imports the script nor reads a result.  A step that is done is kept at once: after Ctrl-C or
kill -9 the same call goes on where it was.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.capture.environment import EnvironmentReader
from trackbook.pipeline.outcome import PipelineResult, StepProgress, StepResult
from trackbook.pipeline.params import override
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.going import RunningPlan
from trackbook.pipeline.running.process import OnOutput
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.tracking import Tracker

OnStep = Callable[[StepProgress], None]


class Runner:
    """Runs plans against one store."""

    def __init__(self, store: Store, tracker: Tracker) -> None:
        self._store, self._tracker = store, tracker
        self._environment = EnvironmentReader()

    def run(
        self,
        plan: Plan,
        params: Mapping[str, Any] | None = None,
        *,
        home: Path | None = None,
        origin: Path | None = None,
        use_cache: bool = True,
        on_step: OnStep | None = None,
        on_output: OnOutput | None = None,
    ) -> PipelineResult:
        """Run the steps of `plan` and return how it went.

        `home` is the folder to run in and to import the project's modules from (the script's folder), `origin`
        what the script was made from where it is only temporary.
        `params` are values or texts for fields of Params.  A step that raises ends the run with the status
        FAILED and no exception; what it printed and its traceback go to `on_output(stream, text)`.
        Raises PipelineError for wrong params, or when the script cannot be imported.
        """
        given = override(plan, params or {})
        folder, source = (home or plan.path.parent).resolve(), origin or plan.path
        began = time.perf_counter()
        run = self._tracker.start_run(source.stem, nested=True, kind="pipeline", tags={"pipeline": str(source)})
        with run, tempfile.TemporaryDirectory(prefix="pipeline-", dir=self._store.root) as spool:
            environment = self._environment.read()[0]
            going = RunningPlan(self._store, plan, given, folder, Path(spool), environment, on_output or _pass_through)
            going.use_cache = use_cache
            try:
                run.log_params(going.param_texts())
                steps = tuple(self._steps(going, plan, on_step or _say_nothing))
            finally:
                going.close()
            failed = any(step.status == "failed" for step in steps)
            status = "FAILED" if failed else "FINISHED"
            run.end(status)
        return PipelineResult(run.run_id, status, steps, time.perf_counter() - began)

    def _steps(self, going: RunningPlan, plan: Plan, on_step: OnStep) -> Iterable[StepResult]:
        for step in plan.steps:
            place = (step.index + 1, len(plan.steps), step.name)
            on_step(StepProgress("started", *place))
            child = self._tracker.start_run(step.name, nested=True, kind="step", source=step.code.source)
            with child:
                result, error = going.step(step, child.run_id)
                child.set_tags({"step": step.name, "step.status": result.status})
                child.log_metric("seconds", result.seconds)
                child.end("FAILED" if error else "FINISHED", error)
            on_step(StepProgress(result.status, *place, result.seconds, result.reason))
            yield result
            if error:
                return


def _pass_through(stream: str, text: str) -> None:
    target = sys.stdout if stream == "stdout" else sys.stderr
    target.write(text)
    target.flush()


def _say_nothing(progress: StepProgress) -> None:
    return None
