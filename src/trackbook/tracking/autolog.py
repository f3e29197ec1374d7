"""`tb.autolog()`: scikit-learn fits and metrics go to the active run, in notebooks and scripts alike."""

from __future__ import annotations

from types import FrameType
from typing import Any

from trackbook.capture.estimators import estimator_params, observer
from trackbook.tracking.tracker import Tracker


class Autolog:
    """Receives what scikit-learn does outside tracked cells; starts a run when there is none."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def enable(self) -> None:
        """Begin to log; a second call changes nothing."""
        observer.stop(self)
        observer.start(self)

    def disable(self) -> None:
        """Stop logging."""
        observer.stop(self)

    def fitted(self, estimator: Any) -> None:
        """Log an estimator's params and name."""
        run = self._tracker.ensure_run()
        run.add_params(estimator_params(estimator))
        run.set_tag("estimator", type(estimator).__name__)

    def measured(self, name: str, value: float, caller: FrameType) -> None:
        """Log a metric under the function's name."""
        self._tracker.ensure_run().log_metric(name, value)
