"""Runs as they happen: started, filled and ended, each fact appended to the journal at once."""

from __future__ import annotations

import atexit
import mimetypes
import operator
import os
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from blake3 import blake3

from trackbook.capture.environment import EnvironmentReader
from trackbook.capture.git.patch import Patch
from trackbook.capture.git.reader import GitReader
from trackbook.capture.redaction import redact, redact_value
from trackbook.errors import StoreError, UsageError, nearest, shown
from trackbook.store import Store, now_ms
from trackbook.store import events as event
from trackbook.tracking import errors as run_errors
from trackbook.tracking.artifacts import artifact_content
from trackbook.tracking.names import checked_items, checked_name, checked_text, random_name
from trackbook.tracking.reproduction.texts import json_text
from trackbook.tracking.values import ENDED, FAILED, FINISHED, KILLED

MAX_INLINE = 65_536
"""Bytes of an artifact that goes through the journal."""


class Tracker:
    """Starts runs, which are `user`'s, and knows which one is active."""

    def __init__(self, store: Store, *, root: Path, experiment: str, user: str) -> None:
        self._store = store
        self._experiment = experiment
        self.user = user
        self._environment = EnvironmentReader()
        self._sent_environments: set[str] = set()
        self._git = GitReader(root)
        self._kept_patch: tuple[Patch | None, str | None] = (None, None)
        self._local = threading.local()
        self._outermost: ActiveRun | None = None
        self._going: list[ActiveRun] = []
        self._met: dict[str, None] = {}
        self._pid: int | None = None

    @property
    def experiment(self) -> str:
        """The experiment that new runs belong to."""
        return self._experiment

    def set_experiment(self, name: str) -> None:
        """Make `name` the experiment of the runs that start from now on."""
        self._experiment = checked_name("experiment", name)

    @property
    def active(self) -> ActiveRun | None:
        """The innermost run of this thread, else the outermost of the process, so that worker threads find it."""
        try:
            stack: list[ActiveRun] = self._local.stack
        except AttributeError:  # the first look of this thread
            return self._outermost
        while stack and stack[-1].status is not None:
            stack.pop()  # ended by another thread
        return stack[-1] if stack else self._outermost

    def start_run(
        self,
        run_name: str | None = None,
        *,
        experiment: str | None = None,
        nested: bool = False,
        kind: str = "python",
        tags: Mapping[str, Any] | None = None,
        source: str | None = None,
        notebook: str | None = None,
        cell_id: str | None = None,
        parent: ActiveRun | None = None,
    ) -> ActiveRun:
        """Start a run and make it the active one.

        Within an active run it becomes a child: on request (`nested`), or by itself when the active run is a tracked
        cell's or a pipeline's, which the user did not start by hand.  Otherwise a second run raises UsageError.  With
        `parent` it is that run's child, whichever is active.
        """
        nested, parent = nested or parent is not None, parent or self.active
        if parent is not None and not nested and parent.kind == "python":
            raise UsageError(
                f"run {parent.run_name!r} ({parent.run_id[:8]}) is still active; end it with `tb.end_run()`, "
                "or start a child with `nested=True`"
            )
        texts = checked_tags(tags or {})  # before anything is written: a wrong call leaves no run behind
        run = ActiveRun(
            self,
            run_id=uuid.uuid4().hex,
            run_name=redact(checked_name("run", run_name)) if run_name else random_name(),
            experiment=self._experiment_of(experiment, parent),
            kind=kind,
            parent=parent,
        )
        started = event.RunStarted(
            run_id=run.run_id,
            experiment=run.experiment,
            run_name=run.run_name,
            kind=kind,
            start_time=now_ms(),
            user=self.user,
            parent_run_id=parent.run_id if parent else None,
            source=None if source is None else redact(source),
            notebook=notebook,
            cell_id=cell_id,
        )
        self._push(run)
        try:
            self.append(started)
            self._describe(run.run_id)
            if texts:
                run._set_tags(texts)
        except BaseException as error:
            run.end(run_errors.status_of(error), error)  # nobody has it yet, and nobody else could
            raise
        return run

    def resume_run(self, run_id: str) -> ActiveRun:
        """Go on with a run that has ended: what is logged from now on is added to it.

        The first characters of the id are enough.  Raises NotFoundError without such a run, UsageError while
        another run, or this one, is active.
        """
        from trackbook.tracking.runs import Runs

        going = self.active
        if going is not None and going.kind == "python":
            raise UsageError(
                f"run {going.run_name!r} ({going.run_id[:8]}) is still active; end it with `tb.end_run()` first"
            )
        runs = Runs(self._store)
        summary = runs.get(run_id).summary
        run = ActiveRun(
            self,
            run_id=summary.run_id,
            run_name=summary.run_name,
            experiment=summary.experiment,
            kind="python",
            parent=going,
        )
        run._params.update(summary.params)
        run._next_step.update({key: runs.metric_history(run_id, key)[-1].step + 1 for key in summary.metrics})
        self.append(event.RunResumed(run.run_id))
        self._push(run)
        return run

    def take_met(self, ending: ActiveRun | None = None) -> list[str]:
        """Return the ids of the runs that were going on at any time since the last call; `ending` is about to end."""
        met = list(self._met)
        self._met = {run.run_id: None for run in self._going if run is not ending}
        return met

    def _experiment_of(self, name: str | None, parent: ActiveRun | None) -> str:
        """Return the experiment of a new run: the one asked for, else its parent's, else the current one."""
        if name:
            return redact(checked_name("experiment", name))
        return parent.experiment if parent else self._experiment

    def end_run(self, status: str = FINISHED) -> None:
        """End the active run, if there is one."""
        run = self.active
        if run is not None:
            run.end(status)

    def ensure_run(self) -> ActiveRun:
        """Return the active run, or start one."""
        return self.active or self.start_run()

    def _end_with_process(self) -> None:
        """End what is going on when the process exits, innermost first, as MLflow does."""
        if os.getpid() != self._pid:
            return  # a forked child that exits leaves the parent's runs alone
        error = run_errors.unhandled()
        try:
            for run in reversed(self._going.copy()):
                run.end(KILLED if run.kind == "cell" else run_errors.status_of(error), error)
        except StoreError as fault:
            print(f"Trackbook: a run is not ended: {fault}", file=sys.stderr)

    def _describe(self, run_id: str) -> None:
        git = self._git.read()
        patch, fault = None, git.reason
        try:
            patch = self._git.patch()
        except Exception as error:  # noqa: BLE001 - a repository may hold anything; the run goes on without its patch
            fault = f"the patch could not be made ({type(error).__name__}: {error})"
        if git.commit is not None or git.branch is not None:
            self.append(event.CodeLocated(run_id, git.commit, git.branch, git.remote, self._keep_patch(patch)))
        gaps = {
            "reason": fault,
            "left_out": patch.left_out if patch else (),
            "redacted": patch.redacted if patch else (),
        }
        if any(gaps.values()):
            self.note(run_id, "patch", gaps)
        digest, environment = self._environment.read()
        content = None if digest in self._sent_environments else environment.to_json()
        self.append(event.EnvironmentSeen(run_id, digest, content))
        self._sent_environments.add(digest)

    def _keep_patch(self, patch: Patch | None) -> str | None:
        """Keep what is not committed, once for each state of the files; returns its digest."""
        if patch is not self._kept_patch[0]:
            digest = self._store.objects.put(patch.text.encode()) if patch is not None and patch.text else None
            self._kept_patch = (patch, digest)
        return self._kept_patch[1]

    def forget_files(self) -> None:
        """Look at the files of the repository again before the next run: code has written some."""
        self._git.forget()

    def note(self, run_id: str, name: str, content: Any) -> None:
        """Keep something that was captured of a run under a name, as JSON; a later one of that name replaces it."""
        self.append(event.FactNoted(run_id, name, json_text(content)))

    def append(self, fact: event.Event, *, durable: bool = False) -> None:
        """Add a fact to the journal; when `durable`, it is on the disk when this returns."""
        self._store.append(fact, durable=durable)

    def _stack(self) -> list[ActiveRun]:
        stack: list[ActiveRun] | None = getattr(self._local, "stack", None)
        if stack is None:
            stack = self._local.stack = []
        return stack

    def _push(self, run: ActiveRun) -> None:
        if self._pid != os.getpid():
            self._pid, self._going = os.getpid(), []
            atexit.register(self._end_with_process)
        self._going.append(run)
        self._met[run.run_id] = None
        self._stack().append(run)
        if self._outermost is None:
            self._outermost = run

    def _remove(self, run: ActiveRun) -> None:
        stack = self._stack()
        if run in stack:
            stack.remove(run)
        if run in self._going:
            self._going.remove(run)
        if self._outermost is run:
            self._outermost = None


class ActiveRun:
    """A run that is going on; a context manager that ends it.

    Params are written once: another value for the same name is an error, as in MLflow.  Metrics without a `step`
    count up from 0.
    """

    def __init__(
        self, tracker: Tracker, *, run_id: str, run_name: str, experiment: str, kind: str, parent: ActiveRun | None
    ) -> None:
        self.run_id = run_id
        self.run_name = run_name
        self.experiment = experiment
        self.kind = kind
        self.parent = parent
        self.status: str | None = None
        self._tracker = tracker
        self._append = tracker.append
        self._params: dict[str, str] = {}
        self._captured: set[str] = set()
        self._next_step: dict[str, int] = {}

    def afterwards(self) -> ActiveRun:
        """Return this run as something that still logs when it has ended, for what is found out about it later."""
        other = ActiveRun(
            self._tracker,
            run_id=self.run_id,
            run_name=self.run_name,
            experiment=self.experiment,
            kind=self.kind,
            parent=self.parent,
        )
        other._params, other._captured, other._next_step = self._params, self._captured, self._next_step
        return other

    def __repr__(self) -> str:
        return f"<run {self.run_name} ({self.run_id[:8]}) in {self.experiment}>"

    # -- params, metrics, tags

    def log_param(self, key: str, value: Any) -> None:
        """Log one param; its value is kept as text."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params; raises UsageError, and logs none, when one already has another value."""
        self._check_going()
        new = {
            checked_name("param", key): redact_value(key, checked_text("param", key, value))
            for key, value in checked_items("params", params)
        }
        for key, value in new.items():
            if key not in self._captured and self._params.get(key, value) != value:
                raise UsageError(
                    f"param {key!r} of run {self.run_name!r} is already {self._params[key]!r} and cannot become "
                    f"{value!r}; log a metric, or start a nested run"
                )
        self._captured.difference_update(new)
        self._log_params(new)

    def add_params(self, params: Mapping[str, Any]) -> None:
        """Log params that were captured: what is already there stays, and the user's own may replace them."""
        new = {
            key: redact_value(key, str(value))
            for key, value in params.items()
            if key not in self._params and key and key.isprintable()
        }
        self._captured.update(new)
        self._log_params(new)

    def _log_params(self, params: dict[str, str]) -> None:
        if params:
            self._append(event.ParamsLogged(self.run_id, params))
            self._params.update(params)

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Log one value of a metric; without `step` it gets the next one of that metric, counted from 0."""
        following = self._next_step.get(key) if isinstance(key, str) else None
        if following is None or self.status is not None:
            self._check_going()
            checked_name("metric", key)
            following = 0
        number = value if type(value) is float else _number(key, value)
        if step is None:
            step, following = following, following + 1
        else:
            step = _step(key, step)
            following = max(following, step + 1)
        self._append(event.MetricLogged(self.run_id, key, number, time.time_ns() // 1_000_000, step))
        self._next_step[key] = following

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log several metrics; with `step` as one fact, without it each gets its own next step."""
        self._check_going()
        pairs = checked_items("metrics", metrics)
        if step is None:
            for key, value in pairs:
                self.log_metric(key, value)
            return
        values = {checked_name("metric", key): _number(key, value) for key, value in pairs}
        step = _step(", ".join(values), step)
        self._append(event.MetricsLogged(self.run_id, values, now_ms(), step))
        for key in values:
            self._next_step[key] = max(self._next_step.get(key, 0), step + 1)

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag; a later value replaces it."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; later values replace earlier ones."""
        self._check_going()
        self._set_tags(checked_tags(tags))

    def _set_tags(self, texts: dict[str, str]) -> None:
        self._append(event.TagsSet(self.run_id, texts))

    # -- data and artifacts

    def log_data(self, fact: event.DataUsed) -> None:
        """Note a variable or file that went into the run or came out of it."""
        self._append(fact)

    def log_artifact(self, source: str | Path | bytes, path: str | None = None) -> str:
        """Keep a file, or bytes under the name `path`, with the run; returns its digest.

        Raises NotFoundError when there is no such file.
        """
        self._check_going()
        path, content = artifact_content(source, path)
        objects = self._tracker._store.objects
        digest = objects.put(content)
        self._append(event.ArtifactLogged(self.run_id, path, digest, objects.size(digest), _media_type(path)))
        return digest

    def add_artifact(self, path: str, content: bytes) -> None:
        """Keep what was captured under the name `path`; small contents travel in the journal.

        A tracked cell must not wait for two files to be synced when its end syncs the journal anyway.
        """
        if len(content) > MAX_INLINE:
            self.log_artifact(content, path)
            return
        digest = blake3(content).hexdigest()
        self._append(event.ArtifactLogged(self.run_id, path, digest, len(content), _media_type(path), content))

    # -- end

    def _check_going(self) -> None:
        """Raise UsageError when the run has ended: what it says of itself stays as it was."""
        if self.status is not None:
            raise UsageError(
                f"run {self.run_name!r} ({self.run_id[:8]}) has ended as {self.status}; "
                "start another with `tb.start_run()`, and log inside its `with` block"
            )

    def end(
        self,
        status: str = FINISHED,
        error: BaseException | None = None,
        execution_count: int | None = None,
        *,
        durable: bool = True,
    ) -> None:
        """End the run; what it logged is on the disk then, or soon if not `durable`.  A second end is ignored."""
        if self.status is not None:
            return
        if status not in ENDED:
            known = nearest(status.upper(), ENDED) if isinstance(status, str) else ""
            raise UsageError(f"a run does not end as {status!r}; use one of {', '.join(ENDED)}{known}")
        failure = run_errors.describe(error)
        name, message, trace = (failure.type, failure.message, failure.traceback) if failure else (None, None, None)
        ended = event.RunEnded(self.run_id, status, now_ms(), name, message, trace, execution_count)
        self.status = status
        self._tracker._remove(self)
        try:
            self._append(ended, durable=durable)
        except KeyboardInterrupt:
            self._append(ended, durable=True)  # wherever it struck: what is written twice counts once
            raise

    def __enter__(self) -> ActiveRun:
        self._check_going()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(run_errors.status_of(error), error)


def _media_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def checked_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return tags as text, redacted; raises UsageError for what cannot be one."""
    return {
        checked_name("tag", key): redact_value(key, checked_text("tag", key, value))
        for key, value in checked_items("tags", tags)
    }


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except Exception as error:
        raise UsageError(f"metric {key!r} needs a number, not {shown(value)}") from error


def _step(key: str, step: Any) -> int:
    # Checked here because the journal is only decoded later: a wrong type would make all that follows unreadable.
    try:
        number = operator.index(step)
    except TypeError as error:
        raise UsageError(f"the step of metric {key!r} is a whole number, not {shown(step)}") from error
    if not -(2**63) <= number < 2**63:
        raise UsageError(f"the step of metric {key!r} is a 64-bit number, not {number}")
    return number


__all__ = ["FAILED", "FINISHED", "KILLED", "ActiveRun", "Tracker"]
