"""The widget of `%models`: a filter, a table to sort and to tick, pages, and below it a version or two beside each
other."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from trackbook.errors import TrackbookError
from trackbook.registry import Registry
from trackbook.widgets import grid, html
from trackbook.widgets.model_table import Row, models_table, read_rows, sorted_rows

ROWS = 12


class ModelBrowser:
    """Holds the filter, the order, the page and the versions that are ticked; `box` is the widget."""

    def __init__(self, open_registry: Callable[[], Registry], filter: str = "") -> None:
        self._open = open_registry
        self._order: tuple[str, ...] = ()
        self._first = 0
        self._rows: list[Row] = []
        self._unread = 0
        self._picked: dict[tuple[str, int], Row] = {}
        self._build(filter)
        self._read()

    # -- parts

    def _build(self, filter: str) -> None:
        """Make the widgets, and say what happens when they are used."""
        self._filter = ipw.Text(
            filter, description="Filter", placeholder="churn production @champion     (Enter searches)",
            continuous_update=False, layout=ipw.Layout(width="auto", min_width="0", flex="1 1 auto"),
            style={"description_width": "44px"},
        )  # fmt: skip
        self._filter.add_class("tb-filter")
        self._filter.tooltip = "Words that name, stage, alias, owner, format or tags hold"
        self._filter.observe(lambda _: self._read(), "value")
        self._error = ipw.HTML(layout=ipw.Layout(display="none", margin="0"))
        self._error.add_class("tb-error")
        self._grid = grid.Grid(ROWS, self._sort, self._pick)
        self._show = grid.button("Show", "Show the version that is ticked: gates, card, lineage", self._show_version)
        self._compare = grid.button("Compare", "Compare the two versions that are ticked", self._show_comparison)
        self._clear = grid.button("Untick all", "Pick no version", self._untick)
        self._back = grid.button("Previous", "The page before", lambda: self._turn(-ROWS))
        self._on = grid.button("Next", "The page after", lambda: self._turn(ROWS))
        self._count = ipw.HTML()
        self._below = ipw.VBox([])
        buttons = ipw.HBox([self._show, self._compare, self._clear, self._back, self._on, self._count])
        self.box = ipw.VBox([self._filter, self._error, self._grid.box, buttons, self._below])
        for name in ("tb-runs", "tb-models"):
            self.box.add_class(name)

    # -- what users do

    def _read(self) -> None:
        """Read the versions again, from the first page on."""
        self._first = 0
        self._refresh()

    def _refresh(self) -> None:
        try:
            found, self._unread = read_rows(self._open(), self._filter.value)
        except TrackbookError as error:
            self._complain(str(error))
            return
        self._complain()
        self._rows = sorted_rows(found, self._order)
        self._draw()

    def _sort(self, key: str) -> None:
        """Sort by a column: downwards, then upwards, then by name again."""
        down, up = (f"{key} DESC",), (f"{key} ASC",)
        self._order = up if self._order == down else () if self._order == up else down
        self._read()

    def _turn(self, by: int) -> None:
        self._first += by
        self._draw()

    def _pick(self, place: int, picked: bool) -> None:
        row = self._rows[self._first + place]
        if picked:
            self._picked[row.key] = row
        else:
            self._picked.pop(row.key, None)
        self._draw_picked()

    def _untick(self) -> None:
        self._picked.clear()
        self._below.children = ()
        self._draw()

    def _show_version(self) -> None:
        from trackbook.widgets.model_detail import ModelDetail

        ((name, version),) = self._picked
        self._put(lambda: ModelDetail(self._open, name, version, self._refresh).box)

    def _show_comparison(self) -> None:
        from trackbook.widgets.model_comparison import ModelComparisonView

        (name, one), (_, other) = sorted(self._picked)
        self._put(lambda: ModelComparisonView(self._open(), name, one, other).widget())

    # -- what is shown

    def _put(self, make: Callable[[], ipw.Widget]) -> None:
        """Show what `make` returns below the table, or why it cannot be made: a version may be gone meanwhile."""
        try:
            self._below.children = (make(),)
        except TrackbookError as error:
            self._below.children = (ipw.HTML(f'<p role="alert">{html.text(error)}</p>'),)

    def _complain(self, message: str = "") -> None:
        self._error.value = f'<pre role="alert">{html.text(message)}</pre>' if message else ""
        self._error.layout.display = "block" if message else "none"

    def _draw(self) -> None:
        rows = self._rows[self._first : self._first + ROWS]
        picked = [row.key in self._picked for row in rows]
        self._grid.show(models_table(rows, self._open()), [row.label for row in rows], picked, self._order)
        self._back.disabled, self._on.disabled = self._first == 0, self._first + ROWS >= len(self._rows)
        self._draw_picked()

    def _draw_picked(self) -> None:
        names = {name for name, _ in self._picked}
        self._show.disabled = len(self._picked) != 1
        self._compare.disabled = len(self._picked) != 2 or len(names) != 1
        self._clear.disabled = not self._picked
        self._count.value = f'<span class="tb-quiet" role="status">{html.text(self._said(len(names)))}</span>'

    def _said(self, names: int) -> str:
        if not self._rows:
            return "No such models." if self._filter.value.strip() else "No models yet."
        last = min(self._first + ROWS, len(self._rows))
        shown = f"Versions {self._first + 1:,} to {last:,} of {len(self._rows):,}"
        shown += f", and {self._unread:,} more models: name them in the filter" if self._unread else ""
        ticked = len(self._picked)
        if ticked == 0:
            return f"{shown} · tick one to show it, two of one model to compare them"
        if ticked == 2 and names == 2:
            return f"{shown} · 2 ticked, of two models: only versions of one model are compared"
        return f"{shown} · {ticked} ticked"
