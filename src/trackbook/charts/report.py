"""The drift report as users meet it: it shows itself in notebooks and writes itself as a page."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trackbook import monitoring
from trackbook.charts import page, svg
from trackbook.charts.words import gravest_first
from trackbook.errors import DataError

VEGA_LITE = "application/vnd.vegalite.v5+json"


class DriftReport(monitoring.DriftReport, frozen=True, kw_only=True):
    """A `monitoring.DriftReport` that can be looked at; the values are the same."""

    @classmethod
    def of(cls, report: monitoring.DriftReport) -> DriftReport:
        """Return `report` with its pictures within reach."""
        return cls(**{name: getattr(report, name) for name in monitoring.DriftReport.__struct_fields__})

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the report as one HTML page that works offline and prints; write it to `path` when given.

        Raises DataError when the file cannot be written.
        """
        html = page.page(self)
        if path is not None:
            try:
                Path(path).write_text(html, encoding="utf-8")
            except OSError as error:
                message = f"the drift report cannot be written to {path} ({error.strerror}); give a path in a folder"
                raise DataError(f"{message} that exists and is writable") from error
        return html

    def _repr_html_(self) -> str:
        return page.fragment(self, pictures=True)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from trackbook.charts.drift import drift_grid

        bundle: dict[str, Any] = {"text/plain": page.text(self), "text/html": self._repr_html_()}
        grid = drift_grid(self)
        return bundle if grid is None else {**bundle, VEGA_LITE: grid}

    def _ipython_display_(self) -> None:
        """Publish the table, then the pictures: one output can only be one of both."""
        from IPython import display

        from trackbook.charts.drift import drift_grid

        publish: Callable[[dict[str, Any]], None] = display.publish_display_data
        publish({"text/plain": page.text(self), "text/html": page.fragment(self, pictures=False)})
        grid = drift_grid(self)
        if grid is not None:
            # Where Vega-Lite is unknown (an exported notebook) the static pictures stand in; no text, which a
            # terminal would print after the table.
            publish({VEGA_LITE: grid, "image/svg+xml": svg.drift_grid(gravest_first(self))})
