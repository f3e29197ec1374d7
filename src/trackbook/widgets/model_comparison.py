"""Two versions of a model beside each other: as text, as tables, and as a widget with a tab a section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trackbook.charts.colors import run_colors
from trackbook.registry import Registry
from trackbook.registry.card import picture
from trackbook.registry.card.values import Judged, Measure, MetricPair
from trackbook.registry.compare import Pair, VersionComparison
from trackbook.tracking.words import number
from trackbook.widgets import html, text
from trackbook.widgets.display import View

Value = str | float | None


class ModelComparisonView(View):
    """What `other` has in place of what `one` has, both versions of the model `name`."""

    def __init__(self, registry: Registry, name: str, one: int, other: int) -> None:
        self.found: VersionComparison = registry.compare(name, one, other)
        self.labels = [f"{name} {version}" for version in self.found.versions]

    def text(self) -> str:
        """Return what differs as tables of plain text."""
        heads = ["", *self.labels]
        parts = [text.table(["metric", *self.labels, "change", "interval"], [*map(_metric, self.found.metrics)])]
        parts += [f"{title}\n{text.table(heads, rows)}" for title, rows in self._pairs() if rows]
        parts.append(f"Gates\n{text.table(heads, self._gate_rows())}" if self.found.gates else "No gate judged them.")
        return "\n\n".join([*parts, f"Code\n{self.found.code}"] if self.found.code else parts)

    def html(self) -> str:
        """Return all sections under each other."""
        return "".join(f"<h4>{title}</h4>{make()}" for title, make in self._sections())

    def widget(self) -> Any:
        """Return the widget, a tab a section."""
        import ipywidgets as ipw

        sections = self._sections()
        look = ipw.Layout(overflow="auto", max_height="520px")
        boxes = [ipw.HTML(html.view(make()), layout=look) for _, make in sections]
        return ipw.Tab(boxes, titles=[title for title, _ in sections], selected_index=0)

    def _sections(self) -> list[tuple[str, Callable[[], str]]]:
        differing = [(title, rows, self._same(title)) for title, rows in self._pairs()]
        return [
            ("Metrics", self._metrics_html),
            *((title, lambda rows=rows, same=same: self._table(rows, same)) for title, rows, same in differing),
            ("Gates", lambda: self._table(self._gate_rows(), "No gate has judged one of them.")),
            ("Code", self._code_html),
        ]

    def _pairs(self) -> list[tuple[str, list[tuple[Value, ...]]]]:
        found = self.found
        fields: list[tuple[str, Mapping[str, Pair]]] = [
            ("Versions", found.facts),
            ("Params", found.params),
            ("Signature", found.signature),
            ("Data", found.data),
            ("Environment", found.environment),
        ]
        return [(title, [_pair(*each) for each in rows.items()]) for title, rows in fields]

    def _same(self, title: str) -> str:
        count = self.found.same.get(title.lower(), 0)
        return f"{count} {'is' if count == 1 else 'are'} the same." if count else "Nothing was recorded of it."

    def _metrics_html(self) -> str:
        if not self.found.metrics:
            return '<p class="tb-quiet">Neither version has a metric.</p>'
        heads = ["metric", "slice", *self._heads(), "change", "interval of the change", "measured by"]
        rows = [
            (
                each.metric,
                each.slice or "all",
                *_metric(each)[1:],
                each.source if not each.data else f"{each.source} on {each.data}",
            )
            for each in self.found.metrics
        ]
        return self._picture() + html.table(heads, rows, caption="Metrics")

    def _picture(self) -> str:
        """Return the changes that have intervals as a picture; nothing is gained at its dotted line."""
        bounded = [
            Measure(f"change of {each.metric}", each.change, each.low, each.high, slice=each.slice)
            for each in self.found.metrics
            if each.low is not None and each.high is not None
        ]
        drawn = picture.interval_picture(bounded, nought=True)
        return f'<div class="tb-card"><style>{picture.STYLE}</style>{drawn}</div>' if bounded else ""

    def _table(self, rows: Sequence[Sequence[Value]], note: str) -> str:
        said = f'<p class="tb-quiet">{html.text(note)}</p>'
        return html.table(["", *self._heads()], rows, caption="Differences") + said if rows else said

    def _heads(self) -> list[str]:
        colors = run_colors(2)
        return [f"{html.swatch(color)}{html.text(label)}" for color, label in zip(colors, self.labels, strict=True)]

    def _gate_rows(self) -> list[tuple[Value, ...]]:
        return [(f"{each.stage}: {each.gate}", _verdict(each.one), _verdict(each.other)) for each in self.found.gates]

    def _code_html(self) -> str:
        code = self.found.code
        return html.code_difference(code) if code else '<p class="tb-quiet">The programs do not differ.</p>'


def _metric(pair: MetricPair) -> tuple[Value, ...]:
    one, other = (None if each is None else each.value for each in (pair.one, pair.other))
    change = None if pair.change is None else f"{pair.change:+.4g}" if pair.change else "–"
    bounds = None
    if pair.low is not None and pair.high is not None:
        bounds = f"{number(pair.low)} to {number(pair.high)}"
    return pair.metric, one, other, change, bounds


def _pair(name: str, pair: Pair) -> tuple[Value, ...]:
    """Return a row, in red what must not be overlooked."""
    red = name in ("override", "deprecated")
    return name, *(html.Red(value) if red and value else value for value in pair)


def _verdict(judged: Judged | None) -> Value:
    if judged is None:
        return None
    said = f"{judged.verdict}: {judged.reason}"
    return said if judged.verdict == "passed" else html.Red(said)
