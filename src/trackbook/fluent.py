"""The Python face: functions that act on the project of the working directory.  MLflow's names where it has one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.errors import UsageError, a
from trackbook.project import current
from trackbook.tracking.relay import Relay, active_relay

if TYPE_CHECKING:
    import pandas as pd

    from trackbook.charts import DriftReport
    from trackbook.data import DatasetVersion
    from trackbook.registry import ModelVersion
    from trackbook.tracking import ActiveRun, Reproduction, Run

FIGURE_FORMATS = frozenset({"png", "svg", "pdf", "jpg", "jpeg"})


def _log() -> ActiveRun | Relay:
    """Return what takes what is logged: the active run, or that of the process that this one works for."""
    return active_relay() or _run()


def _run() -> ActiveRun:
    """Return the active run, or start one; on the path of every logging call, so it looks no further than it must."""
    return current.active_run or current.get().tracker.ensure_run()


def set_experiment(name: str) -> None:
    """Make `name` the experiment of the runs that start from now on."""
    current.get().tracker.set_experiment(name)


def start_run(
    run_name: str | None = None,
    *,
    experiment: str | None = None,
    nested: bool = False,
    tags: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> ActiveRun:
    """Start a run; use it in a `with` block, or end it with `end_run()`.

    With `run_id` a run that has ended goes on instead; it keeps its name and experiment.  Raises UsageError when a
    run is active already, unless `nested` makes the new one its child.
    """
    if run_id is not None:
        if run_name is not None or experiment is not None or nested or tags:
            raise UsageError("a run that goes on keeps its name, experiment, tags and parent; give `run_id` alone")
        return current.get().tracker.resume_run(run_id)
    return current.get().tracker.start_run(run_name, experiment=experiment, nested=nested, tags=tags)


def end_run(status: str = "FINISHED") -> None:
    """End the active run, if there is one, with FINISHED, FAILED or KILLED."""
    current.get().tracker.end_run(status)


def active_run() -> ActiveRun | None:
    """Return the active run, or None."""
    return current.get().tracker.active


def log_param(key: str, value: Any) -> None:
    """Log one param of the active run; without one, a run starts."""
    _log().log_param(key, value)


def log_params(params: Mapping[str, Any]) -> None:
    """Log params of the active run; without one, a run starts."""
    _log().log_params(params)


def log_metric(key: str, value: float, step: int | None = None) -> None:
    """Log one value of a metric of the active run; without `step` it gets the metric's next one."""
    _log().log_metric(key, value, step)


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log several metrics of the active run."""
    _log().log_metrics(metrics, step)


def set_tag(key: str, value: Any) -> None:
    """Set a tag of the active run."""
    _log().set_tag(key, value)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the active run."""
    _log().set_tags(tags)


def log_artifact(local_path: str | Path | bytes, artifact_path: str | None = None) -> str:
    """Keep a file with the active run, in the folder `artifact_path` if one is given; returns the content's digest.

    Bytes are kept under the whole name `artifact_path`.
    """
    run = _log()
    if artifact_path is not None and isinstance(local_path, str | Path):
        artifact_path = f"{artifact_path}/{Path(local_path).name}"
    return run.log_artifact(local_path, artifact_path)


def log_figure(figure: Any, artifact_file: str) -> str:
    """Keep a Matplotlib, Plotly or Altair figure with the active run, in the format that the name's ending says."""
    suffix = str(artifact_file).rpartition(".")[2].lower()
    if hasattr(figure, "savefig") and suffix in FIGURE_FORMATS:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix)
        return log_artifact(buffer.getvalue(), artifact_file)
    if hasattr(figure, "to_html") and suffix == "html":
        return log_artifact(figure.to_html().encode(), artifact_file)
    if hasattr(figure, "to_json") and suffix == "json":
        return log_artifact(figure.to_json().encode(), artifact_file)
    raise UsageError(
        f"{a(type(figure).__name__)} cannot be saved as {artifact_file!r}; Matplotlib figures become "
        f"{', '.join(sorted(FIGURE_FORMATS))}, Plotly and Altair figures html or json"
    )


def autolog(*, log_models: bool = False, disable: bool = False) -> None:
    """Log what scikit-learn does to the active run from now on: fits, searches, cross-validation and metrics.

    A fit without an active run has a run of its own, to which the metrics that follow belong.  `log_models` keeps
    each fitted model under `model/`, in the registry's format; in tracked cells too.
    """
    autologger = current.get().autolog
    if disable:
        autologger.disable()
    else:
        autologger.enable(log_models=log_models)


def search_runs(
    filter: str = "",
    order_by: Sequence[str] = (),
    max_results: int = 1000,
    *,
    experiment: str | None = None,
    deleted: bool = False,
) -> pd.DataFrame:
    """Return runs as a DataFrame, newest first, with the columns `run_id, experiment, …, params.*, metrics.*, tags.*`.

    `filter` follows MLflow's grammar, with OR, NOT, parentheses, IN and dates added, e.g.
    `metrics.r2 > 0.4 and params.model = 'forest'`.  Deleted runs are left out; with `deleted` they alone are found.
    Raises UsageError that points at what it cannot read, and warns of a key that no run has.
    """
    from trackbook.tracking.table import runs_frame

    if isinstance(order_by, str):
        order_by = [order_by]
    runs = current.get().runs
    for hint in runs.hints(filter, order_by):
        warnings.warn(hint, stacklevel=2)
    return runs_frame(runs.search(filter, order_by, max_results, experiment=experiment, deleted=deleted))


def get_run(run_id: str) -> Run:
    """Return everything that is kept about one run; the first characters of its id are enough."""
    return current.get().runs.get(run_id)


def edit_run(
    run_id: str,
    *,
    name: str | None = None,
    note: str | None = None,
    tags: Mapping[str, Any] | None = None,
    untag: Sequence[str] = (),
) -> None:
    """Change what is said of a run, ended or not: its name, its note, its tags; `untag` removes tags."""
    current.get().edits.edit(run_id, name=name, note=note, tags=tags, untag=untag)


def delete_run(run_id: str) -> None:
    """Delete a run and the runs within it; `undelete_run` brings them back until `trackbook gc` removes them."""
    current.get().edits.delete([run_id])


def undelete_run(run_id: str) -> None:
    """Bring a deleted run back, with the runs within it that were deleted together with it."""
    current.get().edits.undelete([run_id])


def reproduce(run_id: str, env: str = "current", *, timeout: float | None = None) -> Reproduction:
    """Repeat the program of a run in a fresh process, compare, and keep the verdict with the run.

    `env` is `current` (this interpreter) or `locked` (a fresh environment with the run's versions); `timeout` is in
    seconds for each repeat.  The project's files, its registry and its runs stay as they are.
    """
    return current.get().reproductions.reproduce(run_id, env=env, timeout=timeout)


def snapshot(frame_or_path: Any, name: str) -> DatasetVersion:
    """Keep a frame or file as the next version of the dataset `name`; unchanged content keeps its version."""
    project = current.get()
    active = project.tracker.active
    return project.data.snapshot(frame_or_path, name, run_id=active.run_id if active else None)


def load_data(uri: str) -> Any:
    """Return a dataset version, e.g. `data:/patients` (the latest), `data:/patients@2` or `data:/patients@3f2a91c4`.

    A frame comes back exactly, a file as its bytes.  The active run has read it.
    """
    project = current.get()
    version = project.data.resolve(uri)
    found = project.data.load(version.uri)
    project.note_use(version)
    return found


def register_model(
    model: Any,
    name: str,
    *,
    run_id: str | None = None,
    description: str = "",
    example: Any = None,
    format: str | None = None,
    metrics: Mapping[str, float] | None = None,
    owner: str = "",
    tags: Mapping[str, str] | None = None,
    training: Any = None,
) -> ModelVersion:
    """Register a fitted model, the `pathlib.Path` of a file or folder, or a URI, as the next version of `name`.

    Metrics come from its run, which is `run_id`, else the active one, else the newest finished run that wrote this
    very model; `metrics` are added.  `example` are rows of its input: the first five are kept, their types become the
    signature.  `format` is that of the model's type unless given: "skops", "xgboost", "lightgbm", "torch" (the state),
    "onnx", "opaque" (a file or folder), or "pickle", which trackbook.toml has to allow.
    `training` declares the rows that a model was fitted on where its fit was not tracked: a frame, or a tuple of
    features and target.
    """
    project = current.get()
    active = project.tracker.active
    if run_id is None and not isinstance(model, str):
        is_path = isinstance(model, PathLike)
        run_id = active.run_id if active else None if is_path else project.runs.writer_of(model)
    return project.registry.register(
        model,
        name,
        run_id=run_id,
        description=description,
        example=example,
        format=format,
        metrics=metrics,
        owner=owner,
        tags=tags,
        training=training,
    )


def promote_model(name: str, version: int, stage: str, *, reason: str | None = None) -> ModelVersion:
    """Move a model version to `staging`, `production` or `archived`; raises GateError with every gate it fails."""
    return current.get().registry.promote(name, version, stage, reason=reason)


def load_model(uri: str, *, into: Any = None) -> Any:
    """Return a registered model: `models:/NAME/VERSION`, `models:/NAME@ALIAS` or `runs:/RUN/PATH`.

    Its bytes are those that were registered.  When it is called, a missing column or one of another type than it was
    made for raises DataError; libraries with other versions are named in a ModelWarning.  A file or folder comes as the
    path of a copy; of PyTorch comes the state dict, which is put `into` a module that is given.
    """
    return current.get().registry.load(uri, into)


def detect_drift(reference: Any, current: Any, **options: Any) -> DriftReport:
    """Compare two frames column by column and return a DriftReport; see `trackbook.monitoring.detect_drift`.

    The floors of `trackbook.toml` hold unless `settings` gives others.  Nothing is stored; `%drift` keeps its report.
    """
    from trackbook.charts import DriftReport
    from trackbook.monitoring import detect_drift as detect
    from trackbook.project import current as project
    from trackbook.project import find_root
    from trackbook.settings import load_settings

    options.setdefault("settings", load_settings(find_root(project.folder())).drift)
    return DriftReport.of(detect(reference, current, **options))
