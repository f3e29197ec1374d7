"""What is recorded and said of each step: its child run, the data it used, and how it went."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trackbook.pipeline.outcome import SKIPPED, MetricReported, StepProgress, StepResult
from trackbook.pipeline.plan import StepPlan
from trackbook.pipeline.running.ledger import Ledger
from trackbook.pipeline.running.setting import Setting
from trackbook.pipeline.worker.lineage import Used
from trackbook.store.events import DatasetKept
from trackbook.tracking.relay import ARTIFACT, METRIC, PARAM, Reported

if TYPE_CHECKING:
    from trackbook.tracking.tracker import ActiveRun


class Record:
    """Keeps the child runs of one run, and tells whoever listens."""

    def __init__(self, setting: Setting, ledger: Ledger) -> None:
        self._at, self._ledger = setting, ledger

    def start(self, step: StepPlan) -> ActiveRun:
        """Start the child run of a step."""
        child = self._at.tracker.start_run(step.name, parent=self._at.run, kind="step", source=step.code.source)
        self._say(step, "started", run_id=child.run_id, expected=self._ledger.expected(step))
        return child

    def retry(self, step: StepPlan, seconds: float, reason: str, run_id: str) -> None:
        """Say that a step failed after `seconds` and is called again."""
        self._say(step, "retrying", seconds=seconds, reason=reason, run_id=run_id)

    def skip(self, step: StepPlan, reason: str) -> StepResult:
        """Say that a step does not run."""
        self._say(step, SKIPPED, reason=reason)
        return StepResult(step.name, SKIPPED, 0.0, reason)

    def data(self, child: ActiveRun, used: Iterable[Used], kept: Iterable[DatasetKept] = ()) -> None:
        """Note the data that a step used, and the dataset versions that were kept of it."""
        for data in used:
            child.log_data(data.noted(child.run_id))
        for version in kept:
            self._at.store.append(version)

    def reports(self, step: StepPlan, child: ActiveRun, reports: Iterable[Reported]) -> None:
        """Log what a step logged: all of it with its own run, metrics with the pipeline's as well."""
        for report in reports:
            if report.kind == METRIC:
                self._metric(step, child, report)
            elif report.kind == PARAM:
                child.add_params({report.key: report.value})
            elif report.kind == ARTIFACT:
                kept = self._at.store.objects.get
                content = report.content if report.content is not None else kept(str(report.value))
                child.log_artifact(content, report.key)
            else:
                child.set_tag(report.key, report.value)

    def _metric(self, step: StepPlan, child: ActiveRun, report: Reported) -> None:
        value = float(report.value)
        for run in (child, self._at.run):
            run.log_metric(report.key, value, report.step)
        self._at.metrics[report.key] = value
        self._at.on_event(MetricReported(step.name, report.key, value, report.step))

    def end(
        self, step: StepPlan, child: ActiveRun, result: StepResult, error: Exception | None = None, traceback: str = ""
    ) -> None:
        """End the child run of a step, which raised `error` where it failed."""
        child.set_tags({"step": step.name, "step.status": result.status})
        child.log_metric("seconds", result.seconds)
        child.end("FAILED" if error else "FINISHED", error, durable=False)
        told = {name: getattr(result, name) for name in ("seconds", "reason", "why", "run_id")}
        self._say(step, result.status, traceback=traceback, **told)

    def _say(self, step: StepPlan, state: str, **told: Any) -> None:
        self._at.on_event(StepProgress(state, step.index + 1, len(self._at.plan.steps), step.name, **told))
