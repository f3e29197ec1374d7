"""The widget of `%compare`: a tab a section; pictures are drawn when their tab is opened for the first time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from trackbook.tracking import MetricPoint
from trackbook.widgets import html

if TYPE_CHECKING:
    from trackbook.charts.curves import Curve
    from trackbook.widgets.comparison import ComparisonView

VEGA_LITE = "application/vnd.vegalite.v5+json"
FIRST_METRICS = 2
SEARCHED = 12
"""Metrics that are looked at for one with a curve, before the user chooses."""
MAX_AXES = 8


def comparison_tabs(view: ComparisonView) -> ipw.Tab:
    """Return the tabs of a comparison."""
    sections: list[tuple[str, Callable[[], ipw.Widget]]] = [
        ("Params and metrics", lambda: _html(_tables(view))),
        ("Curves", lambda: CurvesTab(view).box),
        ("Parallel coordinates", lambda: _parallel(view)),
        (f"Code{_changes(view)}", lambda: _html(view.code_html())),
        (f"Environment ({len(view.environment)})", lambda: _html(view.environment_html())),
    ]
    boxes = [ipw.VBox([], layout=ipw.Layout(padding="4px 2px")) for _ in sections]
    tabs = ipw.Tab(boxes, titles=[title for title, _ in sections])

    def fill(place: int | None) -> None:
        if place is not None and not boxes[place].children:
            boxes[place].children = (ipw.Label("Drawing …"),)  # to begin with, the library that draws is loaded
            boxes[place].children = (sections[place][1](),)

    tabs.observe(lambda change: fill(change["new"]), "selected_index")
    fill(0)
    tabs.selected_index = 0
    return tabs


def _html(content: str) -> ipw.HTML:
    return ipw.HTML(html.view(content), layout=ipw.Layout(overflow="auto", max_height="520px"))


def _tables(view: ComparisonView) -> str:
    return f"<h4>Params that differ</h4>{view.params_html()}<h4>Metrics</h4>{view.metrics_html()}"


def _changes(view: ComparisonView) -> str:
    added, removed = (sum(code.count(kind) for code in view.code) for kind in ("added", "removed"))
    return f" (+{added} -{removed})" if added or removed else " (same)"


class CurvesTab:
    """Metric curves with a choice of metrics, smoothing and a log scale; `box` is the widget."""

    def __init__(self, view: ComparisonView) -> None:
        self._view = view
        self._history = cache(view.service.metric_history)
        names = list(view.metrics)
        chosen = self._with_curves(names)
        rows = min(max(len(names), 3), 10)
        self._metrics = ipw.SelectMultiple(
            options=[(html.shown(name, 60), name) for name in names], value=chosen, rows=rows,
            layout=ipw.Layout(width="auto"),
        )  # fmt: skip
        self._metrics.tooltip = "Metrics to draw; Shift or Ctrl takes several"
        self._smoothing = ipw.FloatSlider(
            0, min=0, max=0.99, step=0.01, continuous_update=False, readout_format=".2f",
            layout=ipw.Layout(width="auto"),
        )  # fmt: skip
        self._log = ipw.Checkbox(False, description="Log scale", indent=False)
        self._picture = ipw.Output(layout=ipw.Layout(min_height="300px", flex="1 1 auto", overflow="auto"))
        for control in (self._metrics, self._smoothing, self._log):
            control.observe(lambda _: self._draw(), "value")
        labelled = [ipw.Label("Metrics"), self._metrics, ipw.Label("Smoothing"), self._smoothing, self._log]
        controls = ipw.VBox(labelled, layout=ipw.Layout(width="200px", flex="0 0 200px"))
        self.box = ipw.HBox([controls, self._picture])
        self._draw()

    def _with_curves(self, names: Sequence[str]) -> list[str]:
        """Return the first metrics that were logged more than once, else the first of all."""
        found = [name for name in names[:SEARCHED] if any(len(points) > 1 for points in self._points(name))]
        return (found or list(names))[:FIRST_METRICS]

    def _points(self, name: str) -> list[list[MetricPoint]]:
        return [self._history(run.run_id, name) for run in self._view.runs]

    def _curves(self) -> list[Curve]:
        from trackbook.charts.curves import Curve

        return [
            Curve(label, name, points)
            for name in self._metrics.value
            for label, points in zip(self._view.labels, self._points(name), strict=True)
        ]

    def _draw(self) -> None:
        from trackbook.charts.curves import metric_curves

        smoothing, log_scale = self._smoothing.value, self._log.value
        spec = metric_curves(self._curves(), runs=self._view.labels, smoothing=smoothing, log_scale=log_scale)
        _picture(self._picture, spec, "No metric is chosen, or none was logged.")


def _parallel(view: ComparisonView) -> ipw.Output:
    """Return the picture of the runs across the params that differ and the metrics that do."""
    from trackbook.charts.parallel import Line, parallel_coordinates

    metrics = list(view.differing_metrics)[: MAX_AXES // 2]
    params = list(view.params)[: MAX_AXES - len(metrics)]
    values: dict[str, Any] = {name: view.params[name] for name in params}
    # A param and a metric may have the same name.
    values |= {f"metrics.{name}" if name in values else name: view.differing_metrics[name] for name in metrics}
    names = {html.shown(name, 40): found for name, found in values.items()}
    lines = [
        Line(label, {name: found[place] for name, found in names.items()}) for place, label in enumerate(view.labels)
    ]
    output = ipw.Output(layout=ipw.Layout(overflow="auto", min_height="300px"))
    _picture(output, parallel_coordinates(lines, list(names)), "Fewer than two params and metrics differ.")
    return output


def _picture(output: ipw.Output, spec: dict[str, Any] | None, otherwise: str) -> None:
    """Put a picture into an output, or the sentence `otherwise` where there is none."""
    data: dict[str, Any] = {"text/plain": otherwise if spec is None else spec["description"]}
    if spec is not None:
        data[VEGA_LITE] = spec
    output.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)
