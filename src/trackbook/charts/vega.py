"""What all Vega-Lite pictures share: quiet axes, a transparent ground, the colours of runs, the version of the format.

Where a picture names a colour of texts and rules it is `currentColor`: they follow the theme, also when that changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas  # noqa: F401 - altair takes it and NumPy from sys.modules as they are, half imported by another thread

from trackbook.charts.colors import run_colors, run_dashes

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
INK = "currentColor"

Spec = dict[str, Any]
Rows = list[dict[str, Any]]


def axis(**options: Any) -> alt.Axis:
    """Return an axis without a line, whose ticks and grid stay in the background."""
    defaults = {"domain": False, "gridOpacity": 0.25, "titleFontWeight": "normal", "tickOpacity": 0.4}
    return alt.Axis(**{**defaults, **options})


def run_color(runs: Sequence[str], shown: Sequence[str] | None = None) -> alt.Color:
    """Return the encoding of runs as colours, the same in every picture of the same `runs`.

    `shown` are those that the picture has, where it has not all: the legend names them alone.
    """
    scale = alt.Scale(domain=list(runs), range=run_colors(len(runs)))
    return alt.Color("run:N", scale=scale, legend=_legend(shown))


def run_dash(runs: Sequence[str], shown: Sequence[str] | None = None) -> alt.StrokeDash:
    """Return the encoding of runs as dashes: those that share a colour differ in them; `shown` as for `run_color`."""
    scale = alt.Scale(domain=list(runs), range=run_dashes(len(runs)))
    return alt.StrokeDash("run:N", scale=scale, legend=_legend(shown))


def _legend(shown: Sequence[str] | None) -> alt.Legend:
    look: dict[str, Any] = {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1, "labelLimit": 260}
    values: dict[str, Any] = {} if shown is None else {"values": list(shown)}
    return alt.Legend(orient="top", title=None, columns=4, offset=6, **look, **values)


def finished(chart: alt.TopLevelMixin, *, description: str | None = None) -> Spec:
    """Return the specification, on a transparent ground and drawn as SVG, which screen readers can read."""
    spec: Spec = chart.configure_view(stroke=None).to_dict()
    # Any version 5 will do: JupyterLab's own may be older than the one that Altair names.
    spec |= {"$schema": SCHEMA, "background": "transparent", "usermeta": {"embedOptions": {"renderer": "svg"}}}
    return spec if description is None else {**spec, "description": description}


def with_rows(spec: Spec, rows: Mapping[str, Rows]) -> Spec:
    """Return a specification with the rows of its `NamedData`; Altair would check each of them, several times."""
    return {**spec, "datasets": {**spec.get("datasets", {}), **rows}}


def inked(spec: Spec) -> Spec:
    """Return a specification whose texts and rules take the colour of the text around the picture."""
    texts = {"labelColor": INK, "titleColor": INK}
    config = {
        "axis": {**texts, "gridColor": INK, "tickColor": INK, "domainColor": INK, "gridOpacity": 0.15},
        "header": texts,
        "legend": texts,
        "title": {"color": INK, "subtitleColor": INK},
        "text": {"color": INK, "fill": INK},
    }
    embed = {"renderer": "svg", "actions": False}
    return {**spec, "config": {**spec.get("config", {}), **config}, "usermeta": {"embedOptions": embed}}
