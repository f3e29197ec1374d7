"""`tb.autolog()`: what scikit-learn does goes to the active run, in notebooks and scripts alike."""

from __future__ import annotations

import threading
from collections import OrderedDict

from trackbook.capture.estimators.observer import Fit, Measurement, Validation, observer
from trackbook.tracking.fits import FitLog, Keep
from trackbook.tracking.tracker import ActiveRun, Tracker

MAX_LOGS = 16


class Autolog:
    """Receives what scikit-learn does outside tracked cells.

    Without an active run, a fit or a cross-validation has a run of its own, which ends at once; metrics that follow
    it are about it, and are added to it.
    """

    def __init__(self, tracker: Tracker, keep: Keep) -> None:
        self._tracker = tracker
        self._keep = keep
        self._log_models = False
        self._logs: OrderedDict[str, FitLog] = OrderedDict()
        self._lock = threading.Lock()
        self._local = threading.local()

    def enable(self, *, log_models: bool = False) -> None:
        """Begin to log, and to keep fitted models if asked; a second call changes that only."""
        self._log_models = log_models
        observer.stop(self)
        observer.start(self, beneath=True)  # a cell that is tracked this moment goes on logging to its own run

    def disable(self) -> None:
        """Stop logging."""
        self._log_models = False
        observer.stop(self)

    def log_to(self, run: ActiveRun, source: str = "") -> FitLog:
        """Return the log of a run; of a cell's, `source` is its text."""
        return FitLog(run, source, lambda: self._keep if self._log_models else None)

    # -- what scikit-learn does

    def fitted(self, fit: Fit) -> None:
        """Log an estimator that was fitted."""
        log = self._log_of_active()
        if log is not None:
            log.fitted(fit)
            return
        with self._lock:
            self._in_own_run().fitted(fit)
            self._end_own_run()

    def validated(self, validation: Validation) -> None:
        """Log a cross-validation."""
        log = self._log_of_active()
        if log is not None:
            log.validated(validation)
            return
        with self._lock:
            self._in_own_run().validated(validation)
            self._end_own_run()

    def measured(self, measurement: Measurement) -> None:
        """Log a metric to the active run, else to the run of this thread's last fit."""
        log = self._log_of_active() or getattr(self._local, "last", None)
        if log is None:
            with self._lock:
                log = self._in_own_run()
                self._end_own_run()
        log.measured(measurement)

    # -- runs

    def _log_of_active(self) -> FitLog | None:
        run = self._tracker.active
        if run is None:
            return None
        log = self._logs.get(run.run_id)
        if log is None:
            log = self._logs[run.run_id] = self.log_to(run)
            while len(self._logs) > MAX_LOGS:
                self._logs.popitem(last=False)
        return log

    def _in_own_run(self) -> FitLog:
        """Start a run and return its log, which goes on when the run has ended."""
        run = self._tracker.start_run()
        self._local.run = run
        self._local.last = self.log_to(run.afterwards())
        return self._local.last  # type: ignore[no-any-return]

    def _end_own_run(self) -> None:
        self._local.run.end()
