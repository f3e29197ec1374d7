"""A cell as a run: the run's start, what `capture` saw of the cell, and the run's end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from trackbook.capture.cell import CellCapture, CellWatch, Observation, UsedData, as_number, named_values
from trackbook.errors import UsageError, nearest
from trackbook.store import events as event
from trackbook.tracking.errors import status_of
from trackbook.tracking.tracker import ActiveRun, Tracker


class CellRequest(msgspec.Struct, frozen=True):
    """A cell that is to run as a run: its code, where it stands, and what its first line asked for."""

    source: str
    experiment: str | None = None
    run_name: str | None = None
    tags: dict[str, str] = {}
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seed: int | None = None
    notebook: str | None = None
    cell_id: str | None = None


class CellRun:
    """A cell that is running as a run; without a `watch`, for the reason `fault`, when it cannot be observed."""

    def __init__(self, request: CellRequest, run: ActiveRun) -> None:
        self.request = request
        self.run = run
        self.watch: CellWatch | None = None
        self.fault: BaseException | None = None


class CellTracker:
    """Turns cells into runs, one at a time."""

    def __init__(self, tracker: Tracker, capture: CellCapture) -> None:
        self._tracker = tracker
        self._capture = capture

    def start(self, request: CellRequest, namespace: Mapping[str, Any]) -> CellRun:
        """Start the run of a cell that is about to execute in `namespace`."""
        run = self._tracker.start_run(
            request.run_name,
            experiment=request.experiment,
            nested=True,
            kind="cell",
            tags=request.tags,
            source=request.source.strip("\n"),
            notebook=request.notebook,
            cell_id=request.cell_id,
        )
        cell = CellRun(request, run)
        try:
            if request.seed is not None:
                seed_everything(request.seed)
                run.log_param("seed", request.seed)
            cell.watch = self._capture.begin(request.source, namespace, run.log_metric)
        except (Exception, KeyboardInterrupt) as fault:  # noqa: BLE001 - the run goes on, and must be ended later
            cell.fault = fault
        return cell

    def finish(
        self,
        cell: CellRun,
        namespace: Mapping[str, Any],
        error: BaseException | None,
        execution_count: int | None = None,
    ) -> list[str]:
        """End the run with what was seen; returns complaints about `--param` and `--metric` for the user.

        The run is ended even when something about it could not be recorded.
        """
        try:
            complaints = self._log_named(cell, namespace)
            if cell.watch is not None:
                self._log_seen(cell.run, self._capture.end(cell.watch, namespace))
        finally:
            cell.run.end(status_of(error), error, execution_count)
        return complaints

    def _log_seen(self, run: ActiveRun, seen: Observation) -> None:
        run.add_params(seen.params)
        if seen.tags:
            run.set_tags(seen.tags)
        for used in seen.data:
            run.log_data(_data_used(run.run_id, used))

    def _log_named(self, cell: CellRun, namespace: Mapping[str, Any]) -> list[str]:
        """Log the variables that `--param` and `--metric` name."""
        complaints = []
        params, unknown = named_values(list(cell.request.params), namespace)
        for name, value in params.items():
            try:
                cell.run.add_params({name: str(value)})
            except Exception as fault:  # noqa: BLE001 - the value is the user's; its __str__ may do anything
                complaints.append(f"--param {name}: a {type(value).__name__} has no text ({type(fault).__name__})")
        metrics, missing = named_values(list(cell.request.metrics), namespace)
        for name, value in metrics.items():
            number = as_number(value)
            if number is None:
                complaints.append(f"--metric {name}: a {type(value).__name__} is no number")
            else:
                cell.run.log_metric(name, number)
        for option, names in (("--param", unknown), ("--metric", missing)):
            complaints += [
                f"{option} {name}: there is no variable of that name{nearest(name, namespace)}" for name in names
            ]
        return complaints


def seed_everything(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and PyTorch's where it is imported."""
    import random

    import numpy

    if not 0 <= seed < 2**32:
        raise UsageError(f"--seed takes a number from 0 to {2**32 - 1}, not {seed}")
    random.seed(seed)
    numpy.random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def _data_used(run_id: str, used: UsedData) -> event.DataUsed:
    seen = used.fingerprint
    return event.DataUsed(
        run_id=run_id,
        role=used.role,
        name=used.name,
        kind=seen.kind,
        fingerprint=seen.digest,
        rows=seen.rows,
        columns=seen.columns,
        reason=seen.reason,
        size=seen.size,
    )
