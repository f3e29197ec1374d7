"""The view of `%compare`: what differs between runs, as text, as tables, and as a widget with pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackbook.charts.colors import run_colors
from trackbook.tracking import Run, Runs
from trackbook.tracking.differences import CodeDifference, code_difference
from trackbook.widgets import html, text
from trackbook.widgets.display import View
from trackbook.widgets.table import labels

Value = str | float | None
Rows = Mapping[str, Sequence[Value]]


class ComparisonView(View):
    """Runs beside each other: `params` and `environment` hold what differs, `metrics` all, a value for each run."""

    def __init__(self, service: Runs, run_ids: Sequence[str]) -> None:
        self.service = service
        self.runs: list[Run] = [service.get(run_id) for run_id in run_ids]
        found = service.compare([run.run_id for run in self.runs])
        self.params: Rows = found["params"]
        self.environment: Rows = found["environment"]
        self.differing_metrics: Rows = found["metrics"]
        summaries = [run.summary for run in self.runs]
        self.labels = labels(summaries)
        names = dict.fromkeys(name for run in summaries for name in run.metrics)
        self.metrics: Rows = {name: [run.metrics.get(name) for run in summaries] for name in names}
        self.same_params = len({name for run in summaries for name in run.params} - set(self.params))
        self.code: list[CodeDifference] = [code_difference(self.runs[0], run) for run in self.runs[1:]]

    def text(self) -> str:
        """Return what differs as tables of plain text, and the code as `diff -u` prints it."""
        groups = {"params": self.params, "metrics": self.metrics, "environment": self.environment}
        rows = [(f"{group}.{name}", *values) for group, named in groups.items() for name, values in named.items()]
        parts = [text.table(["", *self.labels], rows)] if rows else ["The runs have the same params and environment."]
        parts += [f"{title}\n{difference}" for title, difference in self._code_titles() if difference]
        return "\n\n".join(parts)

    def html(self) -> str:
        """Return all sections under each other."""
        sections = {"Params": self.params_html(), "Metrics": self.metrics_html(), "Code": self.code_html()}
        sections["Environment"] = self.environment_html()
        return "".join(f"<h4>{title}</h4>{content}" for title, content in sections.items())

    def widget(self) -> Any:
        """Return the widget, a tab a section."""
        from trackbook.widgets.compare_tabs import comparison_tabs

        return comparison_tabs(self)

    # -- sections, as HTML

    def params_html(self) -> str:
        """Return the params that differ, and how many are the same."""
        same = f"{self.same_params} {'param is' if self.same_params == 1 else 'params are'} the same."
        note = f'<p class="tb-quiet">{same}</p>' if self.same_params else ""
        return self._table(self.params, "Params that differ", "All params are the same.") + note

    def metrics_html(self) -> str:
        """Return all metrics; of two runs with what was gained or lost."""
        if len(self.runs) != 2:
            return self._table(self.metrics, "Metrics", "The runs have no metrics.")
        rows: dict[str, list[Value]] = {name: [*values, _change(values)] for name, values in self.metrics.items()}
        return self._table(rows, "Metrics", "The runs have no metrics.", ("change",))

    def environment_html(self) -> str:
        """Return the facts and the versions of packages that differ."""
        return self._table(self.environment, "Environment", "The runs had the same environment.")

    def code_html(self) -> str:
        """Return the difference of every other run's code to the first one's."""
        parts = [
            f"<p>{html.text(title)} {_size(difference)}</p>{html.code_difference(difference) if difference else ''}"
            for title, difference in self._code_titles()
        ]
        return "".join(parts) or "<p>There is only one run.</p>"

    def _code_titles(self) -> list[tuple[str, CodeDifference]]:
        first, *others = self.labels
        return [(f"{first} → {other}", code) for other, code in zip(others, self.code, strict=True)]

    def _table(self, rows: Rows, caption: str, empty: str, more: Sequence[str] = ()) -> str:
        if not rows:
            return f'<p class="tb-quiet">{empty}</p>'
        colors = run_colors(len(self.labels))
        heads = [f"{html.swatch(color)}{html.text(label)}" for color, label in zip(colors, self.labels, strict=True)]
        return html.table(["", *heads, *more], [(name, *values) for name, values in rows.items()], caption=caption)


def _change(values: Sequence[Value]) -> Value:
    one, other = values
    if isinstance(one, float) and isinstance(other, float):
        return f"{other - one:+.4g}" if one != other else "–"
    return None


def _size(difference: CodeDifference) -> str:
    if not difference:
        return '<span class="tb-quiet">the same code</span>'
    return f'<span class="tb-quiet">+{difference.count("added")} -{difference.count("removed")}</span>'
